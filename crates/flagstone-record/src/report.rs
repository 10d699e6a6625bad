//! What a recording came to.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use flagstone_trace::Summary;

/// What came of a recording.
#[derive(Debug)]
pub struct RecordReport {
    /// How the program ended. That it failed or was killed is no error of the recording.
    pub status: ExitStatus,
    /// The trace of the program: of its last image, when it replaced itself by `exec`.
    pub main: ProcessReport,
    /// The traces of its earlier images and of the processes it started, by their start. Those
    /// that allocated nothing have none.
    pub children: Vec<ProcessReport>,
    /// Processes of which nothing was recorded, because the limit was reached before.
    pub left_out: usize,
}

/// Why a recording stopped before its process ended.
#[derive(Debug)]
pub enum Stopped {
    /// It reached the limit that was set.
    Limit,
    /// The recorder could not go on, for example because the disk was full.
    Failure(io::Error),
}

/// The trace of one process image.
#[derive(Debug)]
pub struct ProcessReport {
    /// Where the trace is.
    pub path: PathBuf,
    /// The program, as its command line names it.
    pub program: String,
    /// Its process id.
    pub pid: u32,
    /// Process id of its parent.
    pub parent_pid: u32,
    /// The totals of the trace.
    pub summary: Summary,
    /// Frees that the recorder did not see but that must have happened, because the address was
    /// handed out again. They are in the trace.
    pub inferred_frees: u64,
    /// Why recording stopped before the process ended.
    pub stopped: Option<Stopped>,
    /// Whether the process was still running when its trace was written.
    pub still_running: bool,
}

/// How far a recording has come.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// The program runs.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// The program has ended; its records are merged next.
    Ended {
        /// How it ended.
        status: ExitStatus,
    },
    /// Records are being merged into traces.
    Merging {
        /// The process whose records they are.
        program: &'a str,
        /// Bytes of records merged so far, of all processes.
        done: u64,
        /// Bytes of records in all.
        total: u64,
    },
}
