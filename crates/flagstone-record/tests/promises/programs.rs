//! Compiles and records programs, and looks into their traces.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use flagstone_record::{ProcessReport, RecordCommand, RecordReport, record};
use flagstone_trace::{
    Event, EventKind, LiveStats, ObjectId, Reader, Summary, ThreadNumber, Validator,
};
use tempfile::TempDir;

/// A folder for one test: a compiled program and what is recorded of it.
pub(crate) struct Lab {
    folder: TempDir,
    program: PathBuf,
}

/// A trace whose rules were checked.
pub(crate) struct Trace {
    pub(crate) events: Vec<Event>,
    pub(crate) summary: Summary,
    pub(crate) inferred_frees: u64,
}

/// The story of one object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) thread: ThreadNumber,
    pub(crate) align: u64,
    pub(crate) zeroed: bool,
    /// The sizes it had, first to last.
    pub(crate) sizes: Vec<u64>,
    pub(crate) freed_by: Option<ThreadNumber>,
}

impl Lab {
    /// Compiles `programs/<name>.c`.
    pub(crate) fn new(name: &str, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(name);
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/promises/programs")
            .join(name)
            .with_extension("c");
        let status = Command::new("cc")
            .args(["-O1", "-fno-builtin", "-pthread", "-Wall", "-Werror", "-o"])
            .args([&program, &source])
            .args(flags)
            .status()
            .expect("cc is needed to build the recorded programs");
        assert!(status.success(), "{name}.c does not compile");
        Self { folder, program }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.folder.path().join("out.flagtrace")
    }

    pub(crate) fn command(&self, args: &[&str]) -> RecordCommand {
        RecordCommand::new(&self.program)
            .args(args)
            .output(self.output())
    }

    /// Records the program, and checks that only traces are left beside it.
    pub(crate) fn record(&self, args: &[&str]) -> RecordReport {
        let report = record(&self.command(args), &mut |_| {}).unwrap();
        let mut expected = 2 + report.children.len();
        expected += usize::from(self.folder.path().join("note").exists());
        assert_eq!(
            std::fs::read_dir(self.folder.path()).unwrap().count(),
            expected
        );
        report
    }
}

impl Trace {
    /// Reads a trace, checks every rule of it, and that its totals are true.
    pub(crate) fn of(process: &ProcessReport) -> Self {
        let mut reader = Reader::open(&process.path).unwrap();
        let events: Vec<_> = reader.events().collect::<Result<_, _>>().unwrap();
        let (mut validator, mut stats) = (Validator::default(), LiveStats::default());
        for event in &events {
            validator.check(event).unwrap();
            stats.push(event).unwrap();
        }
        let summary = *reader.summary().unwrap();
        let Summary {
            unmatched_frees,
            complete,
            stopped,
            ending,
            ..
        } = summary;
        assert_eq!(
            Summary {
                unmatched_frees,
                complete,
                stopped,
                ending,
                ..stats.summary()
            },
            summary
        );
        assert_eq!(process.summary, summary);
        Self {
            events,
            summary,
            inferred_frees: process.inferred_frees,
        }
    }

    /// The objects whose first size is in `sizes`, in the order of their allocation.
    pub(crate) fn objects(&self, sizes: impl std::ops::RangeBounds<u64>) -> Vec<Object> {
        let mut found: HashMap<ObjectId, Object> = HashMap::new();
        let mut order = Vec::new();
        for event in &self.events {
            match event.kind {
                EventKind::Alloc {
                    object,
                    size,
                    align,
                    zeroed,
                } if sizes.contains(&size) => {
                    let (thread, sizes) = (event.thread, vec![size]);
                    found.insert(
                        object,
                        Object {
                            thread,
                            align,
                            zeroed,
                            sizes,
                            freed_by: None,
                        },
                    );
                    order.push(object);
                }
                EventKind::Realloc { object, size } => {
                    found
                        .entry(object)
                        .and_modify(|found| found.sizes.push(size));
                }
                EventKind::Free { object } => {
                    found
                        .entry(object)
                        .and_modify(|found| found.freed_by = Some(event.thread));
                }
                _ => {}
            }
        }
        order
            .into_iter()
            .map(|object| found[&object].clone())
            .collect()
    }
}
