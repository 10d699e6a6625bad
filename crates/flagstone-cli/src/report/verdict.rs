//! What the numbers come to, in plain words.

use super::document::{Entrant, Memory, Replay};
use super::estimate::Estimate;
use super::words::{count, percent, ratios, rounds, time};
use crate::replay::Phases;

/// Below this an interval is not worth a claim.
const LEAST_CONFIDENCE: f64 = 0.9;

/// Memory that differs by less is the same: whole pages, and what the process did besides.
const SAME_MEMORY: f64 = 0.02;

/// Below this share of objects, knowing lifetimes is not worth writing a program for.
const SUITS: f64 = 0.2;

/// What a ratio of times says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The rounds are too few to say anything.
    Unknown,
    /// Less time than the baseline.
    Faster,
    /// More time than the baseline.
    Slower,
    /// The interval holds 1.
    Same,
    /// The interval does not hold 1, but the baseline is as far from itself.
    Drowned,
}

impl Finding {
    /// A contender is faster or slower if the interval says so, and its ratio is further from 1
    /// than the baseline was from itself.
    pub(super) fn of(ratio: Estimate, control: Option<Estimate>) -> Self {
        if ratio.confidence < LEAST_CONFIDENCE {
            return Self::Unknown;
        }
        let own = control.map_or((1.0, 1.0), |own| (own.low.min(1.0), own.high.max(1.0)));
        if ratio.low <= 1.0 && ratio.high >= 1.0 {
            Self::Same
        } else if (own.0..=own.1).contains(&ratio.value) {
            Self::Drowned
        } else if ratio.value < 1.0 {
            Self::Faster
        } else {
            Self::Slower
        }
    }
}

/// Writes the sentences of each contender and of the whole.
pub(super) fn fill_in(replay: &mut Replay) {
    let (baseline, control, played) = (replay.baseline.clone(), replay.control, replay.rounds);
    for entrant in &mut replay.contenders {
        entrant.verdict = entrant
            .time_ratio
            .map(|ratio| sentence(entrant, &baseline, ratio, control, played));
    }
    let mut sentences: Vec<_> = [answer(replay), limit(replay)]
        .into_iter()
        .flatten()
        .collect();
    sentences.extend(restless(replay));
    sentences.extend(missing(replay));
    let control = control.filter(|control| control.confidence > 0.0);
    sentences.extend(control.map(|control| {
        format!(
            "{baseline} compared with itself: {} its time; what is no further from 100 % is noise.",
            ratios(control.low, control.high),
        )
    }));
    let told = replay.contenders.iter().filter(|entrant| entrant.told);
    sentences.extend(told.map(|entrant| phases(&entrant.name, &replay.phases)));
    replay.verdict = sentences;
}

/// One contender against the baseline.
fn sentence(
    entrant: &Entrant,
    baseline: &str,
    ratio: Estimate,
    control: Option<Estimate>,
    played: u32,
) -> String {
    let name = &entrant.name;
    let sure = format!("({} sure)", percent(ratio.confidence));
    let range = ratios(ratio.low, ratio.high);
    let time = match Finding::of(ratio, control) {
        Finding::Unknown => format!(
            "{name} took {} the time of {baseline}, but {} cannot show more than chance does",
            ratios(ratio.value, ratio.value),
            rounds(played),
        ),
        Finding::Faster => {
            format!("{name} is faster than {baseline}: {range} its time {sure}")
        }
        Finding::Slower => {
            format!("{name} is slower than {baseline}: {range} its time {sure}")
        }
        Finding::Drowned => format!(
            "{name} took {range} the time of {baseline} {sure}, which is no more than {baseline} \
             differs from itself"
        ),
        Finding::Same => format!(
            "{name} takes as long as {baseline}, as far as {} can tell: {range} its time {sure}",
            rounds(played)
        ),
    };
    match entrant.memory.as_ref().and_then(memory) {
        Some(memory) => format!("{time}; {memory}."),
        None => format!("{time}."),
    }
}

/// "its memory peaks 19 % higher".
fn memory(memory: &Memory) -> Option<String> {
    let ratio = memory.ratio?;
    let differs = ratio.value - 1.0;
    Some(
        if differs.abs() < SAME_MEMORY || (ratio.low <= 1.0 && ratio.high >= 1.0) {
            "its memory peaks as high".to_owned()
        } else if differs > 0.0 {
            format!("its memory peaks {} higher", percent(differs))
        } else {
            format!("its memory peaks {} lower", percent(-differs))
        },
    )
}

/// The question everybody asks: would it be faster or smaller, and with whom?
fn answer(replay: &Replay) -> Option<String> {
    let rivals: Vec<_> = replay
        .contenders
        .iter()
        .filter_map(|entrant| Some((entrant, entrant.time_ratio?)))
        .collect();
    if rivals.is_empty() {
        return None;
    }
    if rivals
        .iter()
        .all(|(_, ratio)| ratio.confidence < LEAST_CONFIDENCE)
    {
        return Some(format!(
            "Faster or smaller? {} cannot tell: it takes 6 to be 95 % sure.",
            capital(&rounds(replay.rounds))
        ));
    }
    let finding = |ratio: &Estimate| Finding::of(*ratio, replay.control);
    let best = |told: bool| {
        rivals
            .iter()
            .filter(|(entrant, ratio)| entrant.told == told && finding(ratio) == Finding::Faster)
            .min_by(|a, b| a.1.value.total_cmp(&b.1.value))
    };
    let how = |entrant: &Entrant, ratio: &Estimate| {
        format!(
            "with {} (allocation calls take {} the time, {} sure)",
            entrant.name,
            ratios(ratio.low, ratio.high),
            percent(ratio.confidence)
        )
    };
    let open = rivals
        .iter()
        .any(|(_, ratio)| matches!(finding(ratio), Finding::Same | Finding::Drowned));
    let faster = match (best(false), best(true)) {
        (Some((entrant, ratio)), Some((other, least))) if least.value < ratio.value => format!(
            "yes, {}; in a program written for it {}",
            how(entrant, ratio),
            how(other, least)
        ),
        (Some((entrant, ratio)), _) => format!("yes, {}", how(entrant, ratio)),
        (None, Some((entrant, ratio))) => {
            format!("in a program written for it {}", how(entrant, ratio))
        }
        (None, None) if open => "not as far as this replay can tell".to_owned(),
        (None, None) => "no".to_owned(),
    };
    let smaller = rivals
        .iter()
        .filter_map(|(entrant, _)| Some((entrant, entrant.memory.as_ref()?.ratio?)))
        .filter(|(_, ratio)| ratio.high < 1.0 && ratio.value < 1.0 - SAME_MEMORY)
        .min_by(|a, b| a.1.value.total_cmp(&b.1.value));
    let smaller = match smaller {
        Some((entrant, ratio)) => format!(
            "yes, with {} (its memory peaks {} lower)",
            entrant.name,
            percent(1.0 - ratio.value)
        ),
        None => "no".to_owned(),
    };
    Some(format!(
        "Faster than {}? {}. Smaller? {}.",
        replay.baseline,
        capital(&faster),
        capital(&smaller)
    ))
}

/// How much of the program all this is about.
fn limit(replay: &Replay) -> Option<String> {
    let baseline = replay.entrant(&replay.baseline)?;
    let all_ns = baseline.ns_per_operation.value * replay.trace.events as f64;
    let duration_ns = replay.trace.duration_ns as f64;
    if duration_ns <= 0.0 || all_ns <= 0.0 {
        return None;
    }
    let name = &replay.baseline;
    let most = all_ns / duration_ns;
    let all = format!(
        "All {} operations take {name} {} of processor time; the recording lasted {}",
        count(replay.trace.events),
        time(all_ns),
        time(duration_ns),
    );
    Some(match most {
        most if most < 0.5 && replay.trace.threads == 1 => format!(
            "{all}, so even an allocator that takes no time saves the program about {}.",
            percent(most)
        ),
        _ => format!("{all}."),
    })
}

/// Who gives memory back to the system only to take it again. The C library does when a large object
/// at the end of its heap comes and goes, and only if nothing lies behind it: that is so in a replay or in
/// the program by chance, and no number of rounds shows it.
fn restless(replay: &Replay) -> Option<String> {
    const PAGE: f64 = 4096.0;
    const OFTEN: f64 = 8.0;
    const LEAST: f64 = 2_000.0;
    let restless = replay.contenders.iter().filter_map(|entrant| {
        let memory = entrant.memory.as_ref()?;
        let faults = memory.faults?.value;
        let often = faults > LEAST && faults * PAGE > OFTEN * memory.peak_bytes.value;
        often.then(|| format!("{} {}", entrant.name, count(faults as u64)))
    });
    let restless: Vec<_> = restless.collect();
    (!restless.is_empty()).then(|| {
        format!(
            "Memory goes back to the system and is taken again, page by page ({} times). Whether that \
             happens depends on what else lies on the heap, so the program itself may show other \
             ratios than these; MALLOC_TRIM_THRESHOLD_ and MALLOC_MMAP_THRESHOLD_ of the C library \
             prevent it.",
            restless.join(", ")
        )
    })
}

/// What the replay or the recording lacks. (That a trace is cut off is said where it is read.)
fn missing(replay: &Replay) -> impl Iterator<Item = String> {
    let trace = &replay.trace;
    let stopped = (!trace.complete && trace.cut.is_none()).then(|| {
        "The recording is not complete: the recorder had to stop before the program ended."
            .to_owned()
    });
    let unmatched = (trace.unmatched_frees > 0).then(|| {
        format!(
            "{} frees of objects that were not seen to be allocated were left out.",
            count(trace.unmatched_frees)
        )
    });
    let slow = cfg!(debug_assertions).then(|| {
        "This command was compiled without optimisation, which slows down its own contenders and \
         not those of the system: believe a release build."
            .to_owned()
    });
    slow.into_iter().chain(stopped).chain(unmatched)
}

/// How much of the trace suits an arena, and why the rest does not.
fn phases(name: &str, phases: &Phases) -> String {
    let share = |part: u64| {
        format!(
            "{:.0} %",
            100.0 * part as f64 / phases.objects.max(1) as f64
        )
    };
    let rest = [
        (
            phases.scattered,
            "do not die together with others around them",
        ),
        (phases.foreign, "are resized or freed by another thread"),
        (phases.unfreed, "are never freed"),
    ];
    let rest = rest.into_iter().filter(|(part, _)| *part > 0);
    let rest: Vec<_> = rest
        .map(|(part, why)| format!("{} {why}", share(part)))
        .collect();
    let rest = match rest.is_empty() {
        true => String::new(),
        false => format!("; {}", rest.join(", ")),
    };
    let joined = format!(
        "{} of the objects and {:.0} % of the bytes die together, in {} phases{rest}",
        share(phases.joined),
        100.0 * phases.share_of_bytes(),
        count(phases.phases),
    );
    if phases.share_of_objects() < SUITS {
        format!("{name}: this trace does not suit an arena: {joined}.")
    } else {
        format!(
            "{name} is told which objects die together: a program would have to be written that \
             way. {joined}."
        )
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(low: f64, value: f64, high: f64, confidence: f64) -> Estimate {
        Estimate {
            value,
            low,
            high,
            confidence,
        }
    }

    #[test]
    fn a_finding_needs_confidence_and_an_interval_beside_one() {
        let find = |low, value, high, sure| Finding::of(interval(low, value, high, sure), None);
        assert_eq!(find(0.5, 0.6, 0.7, 0.5), Finding::Unknown);
        assert_eq!(find(0.5, 0.6, 0.7, 0.95), Finding::Faster);
        assert_eq!(find(1.1, 1.2, 1.3, 0.95), Finding::Slower);
        assert_eq!(find(0.9, 0.97, 1.01, 0.95), Finding::Same);
    }

    #[test]
    fn what_the_baseline_does_to_itself_is_no_finding() {
        let control = Some(interval(0.93, 1.0, 1.05, 0.95));
        let find = |low, value, high| Finding::of(interval(low, value, high, 0.95), control);
        assert_eq!(find(0.93, 0.95, 0.99), Finding::Drowned);
        assert_eq!(find(0.93, 0.95, 1.01), Finding::Same);
        assert_eq!(find(0.88, 0.91, 0.95), Finding::Faster);
        assert_eq!(find(1.01, 1.04, 1.06), Finding::Drowned);
        assert_eq!(find(1.01, 1.06, 1.09), Finding::Slower);
    }
}
