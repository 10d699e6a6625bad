//! `flagstone replay`.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::args::{ReplayArgs, ReplayOnceArgs};
use crate::replay::{self, Contender, Contest, Rounds, contender_named, contenders, not_built};
use crate::report::{self, Document, Machine, Recording, Replay, SCHEMA};
use crate::{Failure, Source, fitness, output, progress};

pub(super) fn replay(args: ReplayArgs) -> Vec<Failure> {
    let plan = match Plan::of(&args) {
        Ok(plan) => plan,
        Err(failure) => return vec![failure],
    };
    let sources: Vec<_> = if args.traces.is_empty() {
        Source::bundled().collect()
    } else {
        args.traces.into_iter().map(Source::File).collect()
    };
    let mut failures = Vec::new();
    let mut replays = Vec::new();
    for source in sources {
        match plan.replay(&source, &mut failures) {
            Ok(replay) => {
                if !args.json {
                    failures.extend(output::print(&format!("{replay}\n")).err());
                }
                replays.push(replay);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if replays.is_empty() {
        return failures;
    }
    let document = document(replays);
    if args.json {
        let printed = document
            .to_json()
            .and_then(|json| output::print(&format!("{json}\n")));
        failures.extend(printed.err());
    }
    if let Some(path) = args.html {
        failures.extend(write_page(&document, &path).err());
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
    replay::answer(named(&args.contender)?, &source, args.purpose)
}

/// What the user asked for.
struct Plan {
    contenders: Vec<&'static dyn Contender>,
    rounds: Rounds,
    most_threads: usize,
}

impl Plan {
    fn of(args: &ReplayArgs) -> Result<Self, Failure> {
        Ok(Self {
            contenders: chosen(&args.contenders)?,
            rounds: args.rounds.map_or_else(Rounds::default, Rounds::exactly),
            most_threads: args.threads.map_or(usize::MAX, usize::from),
        })
    }

    /// Replays one trace. What the result does not cover is added to `failures`.
    fn replay(&self, source: &Source, failures: &mut Vec<Failure>) -> Result<Replay, Failure> {
        fitness::check_replay(source)?;
        let spinner = progress::spinner(format!("{source}: reading"));
        let read = Recording::read(source, self.most_threads, |events| {
            spinner.set_position(events);
        });
        spinner.finish_and_clear();
        let (survey, recording) = read?;
        if survey.events == 0 {
            return Err(Failure::about(
                source,
                "the trace has no events, so there is nothing to replay",
            ));
        }
        failures.extend(survey.cut.as_ref().map(|why| {
            let replayed = format!(
                "{why}; the {} events before that were replayed",
                survey.events
            );
            Failure::about(source, replayed)
        }));
        let most = u64::from(self.rounds.most()) * (self.contenders.len() as u64 + 1);
        let bar = progress::bar(most, format!("{source}: replaying"));
        let mut contest = Contest::new(source, survey, &self.contenders);
        let played = contest.play(self.rounds, || bar.inc(1));
        bar.finish_and_clear();
        played?;
        failures.extend(contest.failures());
        report::replay_of(contest, recording)
    }
}

fn document(replays: Vec<Replay>) -> Document {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Document {
        schema: SCHEMA,
        flagstone: env!("CARGO_PKG_VERSION").to_owned(),
        made_unix_s: now.map_or(0, |since| since.as_secs()),
        machine: Machine::here(),
        not_built: not_built().map(str::to_owned).collect(),
        replays,
    }
}

fn write_page(document: &Document, path: &Path) -> Result<(), Failure> {
    let page = report::page(document)?;
    fs::write(path, page).map_err(|error| Failure::about(path.display(), error))
}

fn chosen(names: &[String]) -> Result<Vec<&'static dyn Contender>, Failure> {
    if names.is_empty() {
        return Ok(contenders().collect());
    }
    let mut chosen = Vec::<&dyn Contender>::new();
    for name in names {
        let contender = named(name)?;
        if chosen.iter().all(|other| other.name() != contender.name()) {
            chosen.push(contender);
        }
    }
    Ok(chosen)
}

fn named(name: &str) -> Result<&'static dyn Contender, Failure> {
    contender_named(name).ok_or_else(|| Failure::new(format!("there is no contender {name:?}")))
}
