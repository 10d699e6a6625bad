//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

use crate::replay::CONTENDERS;

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
    /// the same round. Memory is what the process grew by while it replayed; overhead is its peak
    /// divided by the most bytes the program had live at once. Each round of each contender is a
    /// process of its own.
    ///
    /// The contender `arenas` is told which objects die together, which a program that uses arenas
    /// has to know. How many these are, and why others are not, is said below the table.
    ///
    /// Of a trace that is cut off or damaged it replays the whole blocks before that, says so and
    /// exits with status 1.
    ///
    /// Example: flagstone replay --rounds 9 git.flagtrace
    Replay(ReplayArgs),
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
    /// How often every contender replays each trace [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: Option<u32>,
    /// Who takes part, once per name; the first one is what the others are compared with [default:
    /// all]
    #[arg(long = "contender", value_name = "NAME", value_parser = contender_names())]
    pub contenders: Vec<String>,
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
}

fn contender_names() -> PossibleValuesParser {
    PossibleValuesParser::new(CONTENDERS.iter().map(|contender| contender.name()))
}
