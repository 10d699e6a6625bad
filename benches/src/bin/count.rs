//! Runs one contender of one event, for an instruction counter.
//!
//! `valgrind --tool=callgrind --toggle-collect='count::counted*'` counts the operations and leaves
//! out what comes before them; `instructions.sh` does that.

use anyhow::{Context as _, Result};
use clap::Parser;
use flagstone_benches::{Lane, suite::events};

/// Runs one contender of one event, for an instruction counter.
#[derive(Parser)]
struct Args {
    /// The event, as `cargo bench -- --list` names it.
    event: String,
    /// The contender, as the report names it.
    contender: String,
    /// How many operations to do.
    #[arg(default_value_t = 100_000)]
    ops: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let events = events(true);
    let event = events
        .iter()
        .find(|event| event.slug == args.event)
        .with_context(|| {
            let known: Vec<_> = events.iter().map(|event| event.slug.as_str()).collect();
            format!(
                "there is no event `{}`; there are: {}",
                args.event,
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
