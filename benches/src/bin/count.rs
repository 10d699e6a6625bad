//! Runs one contender of one event, or one call of it, for an instruction counter.
//!
//! `valgrind --tool=callgrind --toggle-collect='count::counted*'` counts the operations of an event
//! and leaves out what comes before them; a single call is counted in `*call::measured*`.
//! `instructions.sh` does that.

use anyhow::{Context as _, Result};
use clap::Parser;
use flagstone_benches::{
    Lane,
    arena::{Call, calls},
    heap::heaps,
    suite::events,
    warm::warm_calls,
};

/// Runs one contender of one event, or one call of it, for an instruction counter.
#[derive(Parser)]
struct Args {
    /// The event, as `cargo bench -- --list` names it, or a call.
    event: String,
    /// The contender, as the report names it.
    contender: String,
    /// How many operations to do.
    #[arg(default_value_t = 100_000)]
    ops: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut calls = calls();
    calls.extend(warm_calls());
    let wanted = |call: &&Call| call.name == args.event && call.contender == args.contender;
    if let Some(call) = calls.iter().find(wanted) {
        (call.repeat)(args.ops);
        return Ok(());
    }
    let mut events = events(true);
    events.extend(heaps(true));
    let event = events
        .iter()
        .find(|event| event.slug == args.event)
        .with_context(|| {
            let events = events.iter().map(|event| event.slug.as_str());
            let known: Vec<_> = events.chain(calls.iter().map(|call| call.name)).collect();
            format!(
                "there is no event or call `{}` (of {}); there are: {}",
                args.event,
                args.contender,
                known.join(", ")
            )
        })?;
    event
        .alone(&args.contender, |lane| counted(lane, args.ops))
        .with_context(|| {
            let known: Vec<_> = event.names().collect();
            format!(
                "`{}` takes no part in {}; {} do",
                args.contender,
                event.slug,
                known.join(", ")
            )
        })
}

/// The counter is on while this function runs, and finds it by this name.
#[inline(never)]
fn counted(lane: &mut Lane<'_>, ops: u64) {
    lane.run(ops);
}
