//! All that a report says, as it is stored.

use serde::{Deserialize, Serialize};

use super::curve::LivePoint;
use super::estimate::Estimate;
use super::machine::Machine;
use crate::Failure;
use crate::replay::{Look, Phases, Sort};

/// Version of the form in which documents are stored.
pub const SCHEMA: u32 = 1;

/// One or several replays on one machine. `docs/replay-json.md` describes every field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of the command.
    pub flagstone: String,
    /// When the replay ended, in seconds since 1970 (UTC).
    pub made_unix_s: u64,
    /// What it ran on.
    pub machine: Machine,
    /// Contenders that this build of the command does not have.
    pub not_built: Vec<String>,
    /// One per trace.
    pub replays: Vec<Replay>,
}

/// What one trace showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// What was replayed.
    pub trace: TraceFacts,
    /// Rounds for time.
    pub rounds: u32,
    /// Rounds for latency.
    pub latency_rounds: u32,
    /// Threads that played at once.
    pub workers: u32,
    /// The contender that the others are compared with.
    pub baseline: String,
    /// That contender's time divided by its own in the same round: what no difference looks like.
    pub control: Option<Estimate>,
    /// Those who took part.
    pub contenders: Vec<Entrant>,
    /// Those who failed.
    pub left_out: Vec<LeftOut>,
    /// Live bytes over the trace.
    pub live: Vec<LivePoint>,
    /// Sizes of allocations, in bytes.
    pub sizes: Vec<Bar>,
    /// Lifetimes of the objects that were freed, in nanoseconds.
    pub lifetimes_ns: Vec<Bar>,
    /// Which objects die together.
    pub phases: Phases,
    /// The answer in plain words.
    pub verdict: Vec<String>,
}

/// What is known about a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceFacts {
    /// The file, or the name of a built-in recording.
    pub name: String,
    /// The recorded program and its arguments.
    pub program: Vec<String>,
    /// When it was recorded, in seconds since 1970 (UTC); 0 if unknown.
    pub recorded_unix_s: u64,
    /// From the start of the recording to its last event, in nanoseconds.
    pub duration_ns: u64,
    /// Allocations, reallocations and frees.
    pub events: u64,
    /// Allocations.
    pub objects: u64,
    /// Reallocations.
    pub reallocations: u64,
    /// Frees.
    pub frees: u64,
    /// Frees by another thread than the one that allocated.
    pub foreign_frees: u64,
    /// Recorded threads.
    pub threads: u32,
    /// The most bytes alive at once, as the program asked for them.
    pub peak_live_bytes: u64,
    /// The most objects alive at once.
    pub peak_live_objects: u64,
    /// Frees and reallocations that the recorder left out, because it never saw the object.
    pub unmatched_frees: u64,
    /// Whether every event up to the end of the process is in the trace.
    pub complete: bool,
    /// Why only a part of the trace could be read, if so.
    pub cut: Option<String>,
}

/// One contender's numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entrant {
    /// Its name.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Which version it is.
    pub version: String,
    /// Whether it is told which objects die together, so that a program would have to be written
    /// for it.
    pub told: bool,
    /// Processor time per operation in nanoseconds, round by round.
    pub round_ns: Vec<f64>,
    /// The same, in all rounds.
    pub ns_per_operation: Estimate,
    /// Its time divided by the baseline's in the same round; not for the baseline itself.
    pub time_ratio: Option<Estimate>,
    /// Its memory, where the system tells.
    pub memory: Option<Memory>,
    /// How long single operations took.
    pub latency: Option<Latency>,
    /// What it comes to, in plain words; not for the baseline.
    pub verdict: Option<String>,
}

/// Resident memory above what the process had before, in bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The peak.
    pub peak_bytes: Estimate,
    /// After the last operation.
    pub end_bytes: Estimate,
    /// Pages that were touched and not there.
    pub faults: Option<Estimate>,
    /// The peak divided by the most bytes that were live.
    pub overhead: Option<f64>,
    /// The peak divided by the baseline's; not for the baseline itself.
    pub ratio: Option<Estimate>,
    /// Over the trace.
    pub looks: Vec<Look>,
}

/// Wall time of single operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// What reading the clock takes, in nanoseconds. It was subtracted.
    pub clock_ns: f64,
    /// All operations together.
    pub all: SortLatency,
    /// By what was asked for.
    pub sorts: Vec<(Sort, SortLatency)>,
}

/// The distribution of latencies, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SortLatency {
    /// How many operations there were.
    pub count: u64,
    /// The median.
    pub p50: f64,
    /// 1 in 100 took longer.
    pub p99: f64,
    /// 1 in 1,000 took longer.
    pub p999: f64,
    /// The longest.
    pub max: f64,
    /// Shares, and the latencies they did not exceed.
    pub curve: Vec<(f64, f64)>,
}

/// A row of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// The least value that is counted here.
    pub from: u64,
    /// The greatest.
    pub to: u64,
    /// How many there are.
    pub count: u64,
}

/// A contender that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// What went wrong.
    pub why: String,
}

impl Document {
    /// Reads a stored document.
    ///
    /// # Errors
    ///
    /// If the text is no document, or one of a newer version.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let foreign =
            |error| Failure::about("this is not what `flagstone replay --json` writes", error);
        let version: Version = serde_json::from_str(text).map_err(foreign)?;
        if version.schema > SCHEMA {
            return Err(Failure::new(format!(
                "this replay is stored in version {} and this program reads version {SCHEMA}: use \
                 a matching release of flagstone",
                version.schema
            )));
        }
        serde_json::from_str(text).map_err(foreign)
    }

    /// The form that [`parse`](Self::parse) reads.
    ///
    /// # Errors
    ///
    /// If a number is not finite.
    pub fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string(self)
            .map_err(|error| Failure::about("the replay cannot be stored", error))
    }
}

impl Replay {
    /// The contender of this name.
    #[must_use]
    pub fn entrant(&self, name: &str) -> Option<&Entrant> {
        self.contenders.iter().find(|entrant| entrant.name == name)
    }
}
