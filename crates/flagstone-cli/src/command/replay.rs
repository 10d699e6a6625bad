//! `flagstone replay`.

use crate::args::{ReplayArgs, ReplayOnceArgs};
use crate::replay::{self, CONTENDERS, Contender, Contest, Survey, contender_named};
use crate::{Failure, Source, fitness, output, progress};

/// Rounds when the user does not say.
const ROUNDS: u32 = 5;

pub(super) fn replay(args: ReplayArgs) -> Vec<Failure> {
    let contenders = match contenders(&args.contenders) {
        Ok(contenders) => contenders,
        Err(failure) => return vec![failure],
    };
    let sources: Vec<_> = if args.traces.is_empty() {
        Source::bundled().collect()
    } else {
        args.traces.into_iter().map(Source::File).collect()
    };
    let rounds = args.rounds.unwrap_or(ROUNDS);
    let mut failures = Vec::new();
    for source in sources {
        match replay_source(&source, &contenders, rounds) {
            Ok(None) => {}
            Ok(Some(partial)) => failures.push(partial),
            Err(failure) => failures.push(failure),
        }
    }
    failures
}

/// The child process's side of a replay.
pub(super) fn replay_once(args: ReplayOnceArgs) -> Result<(), Failure> {
    let source = match (args.trace, args.bundled) {
        (Some(path), _) => Source::File(path),
        (None, name) => {
            let name = name.unwrap_or_default();
            Source::bundled_named(&name)
                .ok_or_else(|| Failure::new(format!("there is no built-in recording {name:?}")))?
        }
    };
    replay::answer(named(&args.contender)?, &source)
}

/// Replays one trace and prints the table. What the table does not cover is returned.
fn replay_source(
    source: &Source,
    contenders: &[&'static dyn Contender],
    rounds: u32,
) -> Result<Option<Failure>, Failure> {
    fitness::check_replay(source)?;
    let spinner = progress::spinner(format!("{source}: reading"));
    let survey = Survey::of(source, |events| spinner.set_position(events));
    spinner.finish_and_clear();
    let survey = survey?;
    if survey.events == 0 {
        return Err(Failure::about(
            source,
            "the trace has no events, so there is nothing to replay",
        ));
    }
    let partial = survey.cut.as_ref().map(|why| {
        let replayed = format!(
            "{why}; the {} events before that were replayed",
            survey.events
        );
        Failure::about(source, replayed)
    });
    let steps = u64::from(rounds) * contenders.len() as u64;
    let bar = progress::bar(steps, format!("{source}: replaying"));
    let mut contest = Contest::new(source, survey, contenders);
    let played = (0..rounds).try_for_each(|_| contest.play_round(|| bar.inc(1)));
    bar.finish_and_clear();
    played?;
    output::print(&format!("{contest}\n"))?;
    Ok(partial)
}

fn contenders(names: &[String]) -> Result<Vec<&'static dyn Contender>, Failure> {
    if names.is_empty() {
        return Ok(CONTENDERS.to_vec());
    }
    let mut contenders = Vec::<&dyn Contender>::new();
    for name in names {
        let contender = named(name)?;
        if contenders
            .iter()
            .all(|other| other.name() != contender.name())
        {
            contenders.push(contender);
        }
    }
    Ok(contenders)
}

fn named(name: &str) -> Result<&'static dyn Contender, Failure> {
    contender_named(name).ok_or_else(|| Failure::new(format!("there is no contender {name:?}")))
}
