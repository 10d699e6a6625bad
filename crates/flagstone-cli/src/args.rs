//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

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
    /// Makes a trace of a heaptrack data file or a DHAT profile.
    ///
    /// A heaptrack file has every event, but no threads and no alignments. A DHAT profile has totals
    /// per call site and no events: the trace is a model with these totals, for `info` and `export`;
    /// `replay` refuses it.
    ///
    /// Of a file that is cut off or damaged it imports the events before that, says so and exits with
    /// status 1.
    ///
    /// Example: flagstone import heaptrack.git.4711.zst -o git.flagtrace
    Import(ImportArgs),
    /// Writes a trace as a file for other tools.
    ///
    /// `pprof` and `folded` need a trace with call sites (`record --stacks`, or an import), and
    /// `pprof`, `folded` and `chrome` estimate the whole where the trace is a sample.
    ///
    /// Example: flagstone export --to pprof -o git.pb.gz git.flagtrace
    Export(ExportArgs),
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
    /// Record a sample: one sample point per SIZE allocated bytes on average, so that an object is
    /// recorded with a probability that grows with its size; `info` and `export` estimate the whole
    /// from it, `replay` needs all
    #[arg(long, value_name = "SIZE")]
    pub sample: Option<Size>,
    /// Stop recording when the records take SIZE bytes on the disk, of all processes together (the
    /// trace is smaller); the program goes on
    #[arg(long, value_name = "SIZE")]
    pub max_bytes: Option<Size>,
    /// Record where each call comes from, up to DEPTH calls outwards: 1 to 64
    #[arg(
        long,
        value_name = "DEPTH",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "16",
        value_parser = clap::value_parser!(u32).range(1..=64)
    )]
    pub stacks: Option<u32>,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM ARGS")]
    pub program: Vec<OsString>,
}

/// Arguments of `info`.
#[derive(Debug, clap::Args)]
pub struct InfoArgs {
    /// Files made by `flagstone record` or `flagstone import`
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,
    /// Show the N call sites that allocate most, with names from the program's files
    #[arg(
        long,
        value_name = "N",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub sites: Option<u32>,
    /// Print one line of JSON per trace instead; docs/info-json.md describes it
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// A heaptrack data file (plain, .gz or .zst) or a DHAT profile (dhat.out.PID, dhat-heap.json)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where to write the trace [default: FILE.flagtrace in this folder]
    #[arg(short, long, value_name = "TRACE")]
    pub output: Option<PathBuf>,
    /// What FILE is [default: told by its beginning]
    #[arg(long)]
    pub format: Option<ImportFrom>,
}

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// A file made by `flagstone record` or `flagstone import`
    #[arg(value_name = "TRACE")]
    pub trace: PathBuf,
    /// For which tool
    #[arg(long)]
    pub to: ExportTo,
    /// Where to write it
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// With `--to folded`: the number of each stack [default: allocated]
    #[arg(long)]
    pub value: Option<ExportValue>,
}

/// Whose files are imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ImportFrom {
    /// Data files of heaptrack
    Heaptrack,
    /// Profiles of `valgrind --tool=dhat` or the `dhat` crate
    Dhat,
}

/// For whom a trace is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportTo {
    /// A profile for `go tool pprof`, Perfetto, speedscope
    Pprof,
    /// Lines for flame graphs
    Folded,
    /// Live bytes over time, for chrome://tracing and Perfetto
    Chrome,
    /// A data file for heaptrack's viewers
    Heaptrack,
}

/// The number of a stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportValue {
    /// Bytes allocated
    #[default]
    Allocated,
    /// Objects allocated
    Objects,
    /// Bytes alive when there were the most
    Peak,
    /// Bytes alive at the end
    Live,
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

/// A number of bytes, as in `512`, `64k`, `2M` or `1GiB`: units are powers of 1,024. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(u64);

impl Size {
    /// The number.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no number of bytes such as 512, 64k, 2M or 1GiB");
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let unit = text[digits.len()..].to_ascii_lowercase();
        let unit = unit
            .strip_suffix("ib")
            .or(unit.strip_suffix('b'))
            .unwrap_or(&unit);
        let exponent = match unit {
            "" => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            _ => return Err(wrong()),
        };
        let bytes = number.checked_mul(1 << exponent).filter(|&bytes| bytes > 0);
        bytes.map(Self).ok_or_else(wrong)
    }
}

fn contender_names() -> PossibleValuesParser {
    PossibleValuesParser::new(
        contenders().map(|contender| PossibleValue::new(contender.name()).help(contender.about())),
    )
}
