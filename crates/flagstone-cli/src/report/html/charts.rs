//! Each plot of a report.

use plotters::prelude::*;

use super::frame::{Axis, framed};
use super::palette;
use crate::Failure;
use crate::replay::Sort;
use crate::report::document::{Bar, Entrant, Latency, Replay, SortLatency};
use crate::report::words::{self, count, tick};

fn bytes(bytes: f64) -> String {
    tick(&words::bytes(bytes))
}

fn time(ns: f64) -> String {
    tick(&words::time(ns))
}

/// Most points of a line: more cannot be seen.
const MOST: usize = 240;

/// A plot and what stands below it.
pub(super) struct Figure {
    /// A name for links and tests.
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) svg: String,
    /// How to read it.
    pub(super) note: &'static str,
    /// Whether its colours need the list of contenders.
    pub(super) contenders: bool,
    /// Whether the list has live bytes in it.
    pub(super) live: bool,
}

/// All plots of a replay, without those that nothing is known for.
pub(super) fn figures(replay: &Replay) -> Result<Vec<Figure>, Failure> {
    let mut figures = vec![times(replay)?];
    figures.extend(latencies(replay)?);
    figures.push(live(replay)?);
    figures.extend(resident(replay)?);
    figures.extend(overhead(replay)?);
    figures.extend(sizes(&replay.sizes)?);
    figures.extend(lifetimes(&replay.lifetimes_ns)?);
    Ok(figures)
}

/// Time per operation: a row per contender, a dot per round, a bar at the median.
fn times(replay: &Replay) -> Result<Figure, Failure> {
    let entrants = &replay.contenders;
    let all = entrants.iter().flat_map(|entrant| &entrant.round_ns);
    let most = all.copied().fold(0.0, f64::max);
    let x = Axis::up_to(most, 1000.0, |ns| format!("{ns:.0} ns"));
    let names: Vec<_> = entrants
        .iter()
        .map(|entrant| entrant.name.clone())
        .collect();
    // Rows count from the top.
    let row = |place: usize, rows: usize| (rows - 1 - place) as f64;
    let rows = entrants.len();
    let y = Axis {
        from: -0.6,
        to: rows as f64 - 0.4,
        ticks: (0..rows).map(|place| place as f64).collect(),
        label: Box::new(move |at| {
            let below = at.round().max(0.0) as usize;
            names.iter().rev().nth(below).cloned().unwrap_or_default()
        }),
    };
    let svg = framed(
        "Time per operation of each contender, round by round",
        &x,
        &y,
        |sheet| {
            for (place, entrant) in entrants.iter().enumerate() {
                let colour = palette::contender(place);
                let at = row(place, rows);
                let estimate = entrant.ns_per_operation;
                sheet.draw_series([Rectangle::new(
                    [(estimate.low, at - 0.3), (estimate.high, at + 0.3)],
                    colour.mix(0.18).filled(),
                )])?;
                sheet.draw_series([PathElement::new(
                    [(estimate.value, at - 0.3), (estimate.value, at + 0.3)],
                    colour.stroke_width(3),
                )])?;
                let dots = entrant.round_ns.iter().enumerate();
                sheet.draw_series(dots.map(|(round, ns)| {
                    // Side by side, so that equal rounds can be counted.
                    let aside = ((round * 5) % 9) as f64 / 9.0 * 0.4 - 0.18;
                    Circle::new((*ns, at + aside), 4, colour.filled())
                }))?;
            }
            Ok(())
        },
    )?;
    Ok(Figure {
        id: "times",
        title: "Time per operation".to_owned(),
        svg,
        note: "Processor time. A dot is a round, the bar their median, the band behind it the \
               interval of the median.",
        contenders: false,
        live: false,
    })
}

fn latencies(replay: &Replay) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    figures.extend(latency(
        replay,
        "latency",
        "Latency of all operations",
        |all| Some(&all.all),
    )?);
    let named = [
        (Sort::Alloc, "latency-alloc", "Latency of allocations"),
        (
            Sort::AllocZeroed,
            "latency-zeroed",
            "Latency of zeroed allocations",
        ),
        (Sort::Realloc, "latency-realloc", "Latency of reallocations"),
        (Sort::Free, "latency-free", "Latency of frees"),
    ];
    for (sort, id, title) in named {
        figures.extend(latency(replay, id, title, |all| {
            all.sorts
                .iter()
                .find(|(of, _)| *of == sort)
                .map(|(_, row)| row)
        })?);
    }
    Ok(figures)
}

/// Latencies by the share of operations that are slower, both in powers of ten.
fn latency<'r>(
    replay: &'r Replay,
    id: &'static str,
    title: &str,
    pick: impl Fn(&'r Latency) -> Option<&'r SortLatency>,
) -> Result<Option<Figure>, Failure> {
    let rows: Vec<(usize, &SortLatency)> = replay
        .contenders
        .iter()
        .enumerate()
        .filter_map(|(place, entrant)| Some((place, pick(entrant.latency.as_ref()?)?)))
        .collect();
    let Some(operations) = rows.iter().map(|(_, row)| row.count).max() else {
        return Ok(None);
    };
    let right = (operations.max(10) as f64).log10();
    let x = Axis {
        from: 0.0,
        to: right * 1.02,
        ticks: (0..=right as u32)
            .step_by(if right < 6.0 { 1 } else { 2 })
            .map(f64::from)
            .collect(),
        label: Box::new(share),
    };
    // What takes less than a nanosecond is below what the clock tells.
    let level = |ns: f64| ns.max(1.0).log10();
    let ends = rows.iter().flat_map(|(_, row)| &row.curve);
    let top = ends.map(|(_, ns)| level(*ns)).fold(1.0, f64::max);
    let y = Axis {
        from: 0.0,
        to: top * 1.03,
        ticks: (0..=top as u32).map(f64::from).collect(),
        label: Box::new(|level| time(10_f64.powf(level))),
    };
    let svg = framed(title, &x, &y, |sheet| {
        for (place, row) in &rows {
            let points = row.curve.iter().map(|&(share, ns)| {
                let slower = (1.0 - share).max(1.0 / row.count.max(1) as f64);
                (-slower.log10(), level(ns))
            });
            let colour = palette::contender(*place);
            sheet.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        }
        Ok(())
    })?;
    Ok(Some(Figure {
        id,
        title: title.to_owned(),
        svg,
        note: "Wall time. Across: percent of the operations; at 99, one in 100 took longer than the \
               line says.",
        contenders: true,
        live: false,
    }))
}

/// "99.9" for 3.
fn share(nines: f64) -> String {
    match nines.round() as usize {
        0 => "0".to_owned(),
        1 => "90".to_owned(),
        2 => "99".to_owned(),
        nines => format!("99.{}", "9".repeat(nines - 2)),
    }
}

/// Where in the trace something was: at a time if times were recorded, else after so many events.
struct Course {
    timed: bool,
    most: f64,
}

impl Course {
    fn of(replay: &Replay) -> Self {
        let timed = replay.trace.duration_ns > 0;
        let most = match timed {
            true => replay.trace.duration_ns,
            false => replay.trace.events,
        };
        Self {
            timed,
            most: most as f64,
        }
    }

    fn at(&self, time_ns: u64, events: u64) -> f64 {
        (if self.timed { time_ns } else { events }) as f64
    }

    fn axis(&self) -> Axis {
        match self.timed {
            true => Axis::up_to(self.most, 1000.0, time),
            false => Axis::up_to(self.most, 1000.0, |events| count(events as u64)),
        }
    }
}

/// What a line needs of many points: every n-th and the last.
fn thinned<T: Copy>(points: &[T]) -> Vec<T> {
    let step = points.len().div_ceil(MOST).max(1);
    let mut kept: Vec<_> = points.iter().step_by(step).copied().collect();
    if !(points.len().max(1) - 1).is_multiple_of(step) {
        kept.extend(points.last());
    }
    kept
}

fn live(replay: &Replay) -> Result<Figure, Failure> {
    let course = Course::of(replay);
    let most = replay.trace.peak_live_bytes as f64;
    let y = Axis::up_to(most, 1024.0, bytes);
    // The most of each pair of points, so that thinning hides no peak.
    let step = replay.live.len().div_ceil(MOST).max(1);
    let points: Vec<_> = replay
        .live
        .chunks(step)
        .filter_map(|part| {
            let last = part.last()?;
            let most = part.iter().map(|point| point.most_bytes).max()?;
            Some((course.at(last.time_ns, last.events), most as f64))
        })
        .collect();
    let svg = framed("Bytes alive over time", &course.axis(), &y, |sheet| {
        let colour = palette::live();
        let area = AreaSeries::new(points.iter().copied(), 0.0, colour.mix(0.3));
        sheet.draw_series(area.border_style(colour.stroke_width(2)))?;
        Ok(())
    })?;
    Ok(Figure {
        id: "live",
        title: "Live bytes over time".to_owned(),
        svg,
        note: "What the program itself asked for and had not freed.",
        contenders: false,
        live: false,
    })
}

/// Those who know their memory, with their places.
fn with_looks(replay: &Replay) -> Vec<(usize, &Entrant)> {
    let known = |entrant: &Entrant| {
        let memory = entrant.memory.as_ref();
        memory.is_some_and(|memory| !memory.looks.is_empty())
    };
    let places = replay.contenders.iter().enumerate();
    places.filter(|(_, entrant)| known(entrant)).collect()
}

fn resident(replay: &Replay) -> Result<Option<Figure>, Failure> {
    let entrants = with_looks(replay);
    if entrants.is_empty() {
        return Ok(None);
    }
    let course = Course::of(replay);
    let y = Axis::up_to(
        most_resident(&entrants).max(replay.trace.peak_live_bytes as f64),
        1024.0,
        bytes,
    );
    let svg = framed("Resident memory over time", &course.axis(), &y, |sheet| {
        let live: Vec<_> = replay.live.iter().collect();
        let live = thinned(&live)
            .into_iter()
            .map(|point| (course.at(point.time_ns, point.events), point.bytes as f64));
        sheet.draw_series(AreaSeries::new(live, 0.0, palette::live().mix(0.3)))?;
        for (place, entrant) in &entrants {
            let looks = entrant.memory.iter().flat_map(|memory| &memory.looks);
            let looks: Vec<_> = looks.collect();
            let points = thinned(&looks).into_iter().map(|look| {
                let at = course.at(look.moment.time_ns, look.moment.events);
                (at, look.resident_bytes as f64)
            });
            let colour = palette::contender(*place);
            sheet.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        }
        Ok(())
    })?;
    Ok(Some(Figure {
        id: "resident",
        title: "Resident memory over time".to_owned(),
        svg,
        note: "What the process grew by, in a round of its own; in grey what was live.",
        contenders: true,
        live: true,
    }))
}

fn most_resident(entrants: &[(usize, &Entrant)]) -> f64 {
    let looks = entrants
        .iter()
        .flat_map(|(_, entrant)| &entrant.memory)
        .flat_map(|memory| &memory.looks);
    looks.map(|look| look.resident_bytes).max().unwrap_or(0) as f64
}

/// Resident bytes against live bytes: on the grey line nothing would be wasted.
fn overhead(replay: &Replay) -> Result<Option<Figure>, Failure> {
    let entrants = with_looks(replay);
    if entrants.is_empty() {
        return Ok(None);
    }
    let most_live = replay.trace.peak_live_bytes as f64;
    let x = Axis::up_to(most_live, 1024.0, bytes);
    let y = Axis::up_to(most_resident(&entrants).max(most_live), 1024.0, bytes);
    let svg = framed("Resident memory against live bytes", &x, &y, |sheet| {
        sheet.draw_series(LineSeries::new(
            [(0.0, 0.0), (most_live, most_live)],
            palette::live().stroke_width(2),
        ))?;
        for (place, entrant) in &entrants {
            let looks = entrant.memory.iter().flat_map(|memory| &memory.looks);
            let looks: Vec<_> = looks.collect();
            let colour = palette::contender(*place);
            sheet.draw_series(thinned(&looks).into_iter().map(|look| {
                let at = (look.moment.live_bytes as f64, look.resident_bytes as f64);
                Circle::new(at, 2, colour.filled())
            }))?;
        }
        Ok(())
    })?;
    Ok(Some(Figure {
        id: "overhead",
        title: "Resident memory against live bytes".to_owned(),
        svg,
        note: "A dot is a moment of the trace. Across: bytes alive; up: resident. On the grey line \
               nothing would be wasted.",
        contenders: true,
        live: true,
    }))
}

fn sizes(bars: &[Bar]) -> Result<Option<Figure>, Failure> {
    let drawn = histogram("Sizes of allocations", bars, |from| bytes(from as f64))?;
    Ok(drawn.map(|svg| Figure {
        id: "sizes",
        title: "Sizes of allocations".to_owned(),
        svg,
        note: "How many allocations asked for so many bytes: from the number below a bar up to \
               twice that.",
        contenders: false,
        live: false,
    }))
}

fn lifetimes(bars: &[Bar]) -> Result<Option<Figure>, Failure> {
    let drawn = histogram("Lifetimes of objects", bars, |from| time(from as f64))?;
    Ok(drawn.map(|svg| Figure {
        id: "lifetimes",
        title: "Lifetimes of the objects that were freed".to_owned(),
        svg,
        note: "How many lived so long while the program was recorded.",
        contenders: false,
        live: false,
    }))
}

/// Bars side by side; every few are labelled with where they start.
fn histogram(
    alt: &str,
    bars: &[Bar],
    label: impl Fn(u64) -> String + 'static,
) -> Result<Option<String>, Failure> {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0);
    if most == 0 {
        return Ok(None);
    }
    let starts: Vec<_> = bars.iter().map(|bar| bar.from).collect();
    let each = bars.len().div_ceil(6);
    let x = Axis {
        from: 0.0,
        to: bars.len() as f64,
        ticks: (0..bars.len())
            .step_by(each)
            .map(|bar| bar as f64)
            .collect(),
        label: Box::new(move |at| {
            let start = starts.get(at.round().max(0.0) as usize);
            start.map_or_else(String::new, |start| label(*start))
        }),
    };
    let y = Axis::up_to(most as f64, 1000.0, short_count);
    let svg = framed(alt, &x, &y, |sheet| {
        let bars = bars.iter().enumerate();
        sheet.draw_series(bars.map(|(place, bar)| {
            let left = place as f64;
            let corners = [(left + 0.08, 0.0), (left + 0.92, bar.count as f64)];
            Rectangle::new(corners, palette::live().filled())
        }))?;
        Ok(())
    })?;
    Ok(Some(svg))
}

/// "20 k", "1.5 M".
fn short_count(count: f64) -> String {
    let (value, unit) = match count {
        count if count < 1e3 => (count, ""),
        count if count < 1e6 => (count / 1e3, " k"),
        count if count < 1e9 => (count / 1e6, " M"),
        count => (count / 1e9, " G"),
    };
    let digits = usize::from(value.fract() > 0.05 && value < 10.0);
    format!("{value:.digits$}{unit}")
}
