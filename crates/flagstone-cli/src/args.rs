//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Parser, Subcommand};

use crate::replay::{Purpose, contenders};

/// Records a program's allocations and replays them with different allocators.
///
/// Without a command it replays the recordings of real programs that are built in, as `flagstone
/// replay` does.
///
/// Exit status: 0 if all went well, 1 if something failed (one sentence on standard error says
/// what), 2 for a wrong command line.
#[derive(Debug, Parser)]
#[command(name = "flagstone", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the command can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a program and writes down every allocation it makes.
    ///
    /// The program must be dynamically linked (a script's interpreter counts) and runs as usual,
    /// with its own input, output and arguments. Programs that it starts are recorded too, each to
    /// a file of its own with the process id in its name.
    ///
    /// The exit status is 0 if the trace was written, whatever the program's own status was, which
    /// is reported.
    ///
    /// Example: flagstone record -o git.flagtrace -- git log --stat
    Record(RecordArgs),
    /// Shows what is in a trace: sizes, lifetimes, threads, peaks.
    ///
    /// Of a trace that is cut off or damaged it shows the whole blocks before that, says so and
    /// exits with status 1.
    ///
    /// Example: flagstone info git.flagtrace
    Info(InfoArgs),
    /// Replays traces with different allocators and compares their time and memory.
    ///
    /// ns/op is processor time per allocation, reallocation or free: the median of the rounds. The
    /// time ratio is the median over the rounds of a contender's time divided by the first one's in
    /// the same round; the interval holds the true median with the probability that the sentences
    /// below the table state. Memory is what the process grew by while it replayed; overhead is its
    /// peak divided by the most bytes the program had live at once. Latencies are of single
    /// operations, in rounds of their own. Each round of each contender is a process of its own.
    ///
    /// The contender `arenas` is told which objects die together, which a program that uses arenas
    /// has to know. How many these are, and why others are not, is said below the table.
    ///
    /// Of a trace that is cut off or damaged it replays the whole blocks before that, says so and
    /// exits with status 1.
    ///
    /// Example: flagstone replay --html report.html git.flagtrace
    Replay(ReplayArgs),
    /// Compares two replays that were stored with `replay --json`.
    ///
    /// For every trace and contender that are in both it says how time and memory changed, and
    /// whether that is more than noise: the interval of a change is made of the intervals of both
    /// replays. Times of different machines are compared by their ratios to the first contender.
    ///
    /// Example: flagstone diff before.json after.json
    Diff(DiffArgs),
    /// Replays one trace once with one contender, for `replay`.
    #[command(name = crate::replay::SUBCOMMAND, hide = true)]
    ReplayOnce(ReplayOnceArgs),
}

/// Arguments of `record`.
#[derive(Debug, clap::Args)]
pub struct RecordArgs {
    /// Where to write the trace [default: PROGRAM.PID.flagtrace in this folder]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Do not record the programs that the program starts
    #[arg(long)]
    pub no_children: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM ARGS")]
    pub program: Vec<OsString>,
}

/// Arguments of `info`.
#[derive(Debug, clap::Args)]
pub struct InfoArgs {
    /// Files made by `flagstone record`
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,
}

/// Arguments of `replay`.
#[derive(Debug, Default, clap::Args)]
pub struct ReplayArgs {
    /// Files made by `flagstone record` [default: the recordings built into the command]
    #[arg(value_name = "TRACE")]
    pub traces: Vec<PathBuf>,
    /// How often every contender replays each trace for time [default: 6 to 15, as many as fit
    /// into a second]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: Option<u32>,
    /// Who takes part, once per name; the first one is what the others are compared with [default:
    /// all]
    #[arg(long = "contender", value_name = "NAME", value_parser = contender_names())]
    pub contenders: Vec<String>,
    /// The most threads that play at once; recorded threads share them [default: as many as were
    /// recorded at once, 64 at most]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub threads: Option<u8>,
    /// Print the results as JSON (docs/replay-json.md describes it) instead of tables
    #[arg(long)]
    pub json: bool,
    /// Write a report with plots to this file, one page that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// What `flagstone replay --json` printed earlier
    #[arg(value_name = "EARLIER")]
    pub earlier: PathBuf,
    /// What it printed later
    #[arg(value_name = "LATER")]
    pub later: PathBuf,
    /// Print the changes as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of the hidden `replay-once`; the survey is read from standard input.
#[derive(Debug, clap::Args)]
pub struct ReplayOnceArgs {
    /// The contender's name
    #[arg(long, value_parser = contender_names())]
    pub contender: String,
    /// A trace in a file
    #[arg(long, required_unless_present = "bundled")]
    pub trace: Option<PathBuf>,
    /// A recording built into the command
    #[arg(long, conflicts_with = "trace")]
    pub bundled: Option<String>,
    /// What to measure
    #[arg(long, value_enum, default_value_t)]
    pub purpose: Purpose,
}

fn contender_names() -> PossibleValuesParser {
    PossibleValuesParser::new(
        contenders().map(|contender| PossibleValue::new(contender.name()).help(contender.about())),
    )
}
