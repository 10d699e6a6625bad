//! From what the contenders measured to what is said about it.

use flagstone_trace::{Event, Histogram, LiveStats};

use super::curve::{LiveCurve, LivePoint};
use super::document::{Bar, Entrant, Latency, LeftOut, Memory, Replay, SortLatency, TraceFacts};
use super::estimate::Estimate;
use super::verdict;
use crate::replay::survey::Whole;
use crate::replay::{Contest, Counts, Entry, Growth, Latencies, Measured, Survey};
use crate::{Failure, Source};

/// What a report says about a trace by itself.
#[derive(Debug)]
pub struct Recording {
    name: String,
    whole: Whole,
    live: LiveCurve,
}

impl Recording {
    /// Surveys a trace for a replay by at most so many threads, calling `progress` now and then with
    /// the number of events.
    ///
    /// # Errors
    ///
    /// Those of [`Survey::of`].
    pub fn read(
        source: &Source,
        most_threads: usize,
        mut progress: impl FnMut(u64),
    ) -> Result<(Survey, Self), Failure> {
        let mut live = LiveCurve::default();
        let seen = |event: &Event, stats: &LiveStats| {
            let bytes = stats.live_bytes();
            live.push(LivePoint {
                events: stats.events(),
                time_ns: event.time_ns,
                bytes,
                most_bytes: bytes,
                objects: stats.live_objects(),
            });
            if stats.events().is_multiple_of(1 << 16) {
                progress(stats.events());
            }
        };
        let (survey, whole) = Survey::with(source, most_threads, seen)?;
        let recording = Self {
            name: source.to_string(),
            whole,
            live,
        };
        Ok((survey, recording))
    }

    fn facts(&self, survey: &Survey) -> TraceFacts {
        let Whole {
            header,
            summary,
            stats,
        } = &self.whole;
        let words = [&header.program].into_iter().chain(&header.args);
        TraceFacts {
            name: self.name.clone(),
            program: words.cloned().collect(),
            recorded_unix_s: header.recorded_unix_s,
            duration_ns: stats.duration_ns(),
            events: stats.events(),
            objects: stats.objects(),
            reallocations: stats.reallocs(),
            frees: stats.frees(),
            foreign_frees: stats.cross_thread_frees(),
            threads: stats.threads().len() as u32,
            peak_live_bytes: stats.peak_live_bytes(),
            peak_live_objects: stats.peak_live_objects(),
            unmatched_frees: summary.as_ref().map_or(0, |end| end.unmatched_frees),
            complete: summary.as_ref().is_some_and(|end| end.complete),
            cut: survey.cut.clone(),
        }
    }
}

/// All that is to be said about a contest that was played.
///
/// # Errors
///
/// If nothing was measured.
pub fn replay_of(contest: Contest<'_>, recording: Recording) -> Result<Replay, Failure> {
    let trace = recording.facts(&contest.survey);
    let basis = Basis::of(&contest)
        .ok_or_else(|| Failure::about(contest.source, "no contender has replayed the trace"))?;
    let stats = &recording.whole.stats;
    let mut contenders = Vec::new();
    let mut left_out = Vec::new();
    for entry in &contest.entries {
        match (&entry.out, entrant(entry, &basis, &trace)) {
            (None, Some(entrant)) => contenders.push(entrant),
            (out, _) => left_out.push(LeftOut {
                name: entry.contender.name().to_owned(),
                why: out.as_ref().map_or_else(String::new, ToString::to_string),
            }),
        }
    }
    let mut replay = Replay {
        rounds: basis.ns.len() as u32,
        latency_rounds: contest.latency_rounds,
        workers: contest.survey.workers() as u32,
        baseline: basis.name.to_owned(),
        control: basis.control(&contest),
        contenders,
        left_out,
        sizes: bars(stats.sizes()),
        lifetimes_ns: bars(stats.lifetimes_ns()),
        live: recording.live.into_points(),
        phases: contest.survey.phases,
        verdict: Vec::new(),
        trace,
    };
    verdict::fill_in(&mut replay);
    Ok(replay)
}

/// The first contender, with whom the others are compared.
struct Basis {
    name: &'static str,
    /// Its time per operation, round by round: the mean of its two replays.
    ns: Vec<f64>,
    growth: Vec<Growth>,
}

impl Basis {
    fn of(contest: &Contest<'_>) -> Option<Self> {
        let first = contest.entries.first()?;
        let second = contest
            .again
            .iter()
            .map(Some)
            .chain(std::iter::repeat(None));
        let both = first.rounds.iter().zip(second);
        let ns: Vec<_> = both
            .map(|(first, second)| {
                let first = first.ns_per_operation();
                second.map_or(first, |second| {
                    f64::midpoint(first, second.ns_per_operation())
                })
            })
            .collect();
        (!ns.is_empty()).then(|| Self {
            name: first.contender.name(),
            ns,
            growth: growths(&first.rounds).collect(),
        })
    }

    fn control(&self, contest: &Contest<'_>) -> Option<Estimate> {
        let rounds = &contest.entries.first()?.rounds;
        let ratios = contest
            .again
            .iter()
            .zip(rounds)
            .map(|(second, first)| second.ns_per_operation() / first.ns_per_operation());
        estimate(ratios)
    }
}

/// `None` if it measured nothing.
fn entrant(entry: &Entry, basis: &Basis, trace: &TraceFacts) -> Option<Entrant> {
    let contender = entry.contender;
    let is_basis = contender.name() == basis.name;
    let round_ns = match is_basis {
        true => basis.ns.clone(),
        false => entry
            .rounds
            .iter()
            .map(Measured::ns_per_operation)
            .collect(),
    };
    let ratios = round_ns.iter().zip(&basis.ns).map(|(own, base)| own / base);
    let time_ratio = estimate(ratios).filter(|_| !is_basis);
    Some(Entrant {
        name: contender.name().to_owned(),
        about: contender.about().to_owned(),
        version: contender.version(),
        told: contender.wants_lifetimes(),
        ns_per_operation: Estimate::of(round_ns.iter().copied())?,
        round_ns,
        time_ratio,
        memory: memory(entry, basis, is_basis, trace.peak_live_bytes),
        latency: entry.latencies.as_ref().map(latency),
        verdict: None,
    })
}

fn memory(entry: &Entry, basis: &Basis, is_basis: bool, peak_live: u64) -> Option<Memory> {
    let peaks = growths(&entry.rounds).map(|growth| growth.peak as f64);
    let peak_bytes = Estimate::of(peaks)?;
    let pairs = growths(&entry.rounds).zip(&basis.growth);
    let ratios = pairs.map(|(own, base)| own.peak as f64 / base.peak as f64);
    Some(Memory {
        end_bytes: Estimate::of(growths(&entry.rounds).map(|growth| growth.end as f64))?,
        faults: Estimate::of(
            entry
                .rounds
                .iter()
                .filter_map(|round| round.faults)
                .map(|faults| faults as f64),
        ),
        overhead: (peak_live > 0).then(|| peak_bytes.value / peak_live as f64),
        ratio: estimate(ratios).filter(|_| !is_basis),
        peak_bytes,
        looks: entry.looks.clone(),
    })
}

fn growths(rounds: &[Measured]) -> impl Iterator<Item = Growth> {
    rounds.iter().filter_map(|round| round.growth)
}

/// Of ratios: a division by nothing says nothing.
fn estimate(ratios: impl Iterator<Item = f64>) -> Option<Estimate> {
    Estimate::of(ratios.filter(|ratio| ratio.is_finite()))
}

fn latency(latencies: &Latencies) -> Latency {
    Latency {
        clock_ns: latencies.clock_ns,
        all: sort_latency(&latencies.all()),
        sorts: latencies
            .sorts
            .iter()
            .map(|(sort, counts)| (*sort, sort_latency(counts)))
            .collect(),
    }
}

fn sort_latency(counts: &Counts) -> SortLatency {
    let at = |share| counts.quantile(share).unwrap_or(0.0);
    SortLatency {
        count: counts.count(),
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        max: at(1.0),
        curve: shares(counts.count())
            .map(|share| (share, at(share)))
            .collect(),
    }
}

/// Shares at which a curve of latencies is drawn: five for each halving of what is left, as long as
/// an operation is left, and all of them.
fn shares(count: u64) -> impl Iterator<Item = f64> {
    const PER_HALVING: u32 = 5;
    let halvings = (count.max(1).ilog2() + 1) * PER_HALVING;
    (0..halvings)
        .map(|step| 1.0 - 0.5_f64.powf(f64::from(step) / f64::from(PER_HALVING)))
        .chain([1.0])
}

fn bars(histogram: &Histogram) -> Vec<Bar> {
    let rows = histogram.buckets();
    rows.map(|row| Bar {
        from: row.low,
        to: row.high,
        count: row.count,
    })
    .collect()
}
