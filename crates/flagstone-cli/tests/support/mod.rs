//! Traces made up by tests, and the command.
#![allow(
    dead_code,
    reason = "every test file compiles its own copy and uses a part"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flagstone_cli::Source;
use flagstone_cli::replay::{Contender, Measured, Stage, Stopped, Survey, perform};
use flagstone_trace::{Event, EventKind, Header, LiveStats, ObjectId, ThreadNumber, Writer};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

/// The command that is tested.
pub(crate) fn flagstone(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flagstone"))
        .args(args)
        .output()
        .expect("the command starts")
}

/// What it printed.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// What it complained about.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// Asserts that a command failed as promised: status 1 and one sentence that has `word` in it.
#[track_caller]
pub(crate) fn assert_one_sentence(output: &Output, word: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("flagstone: "), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains(word), "{word:?} is not in {text}");
}

/// A made-up program that writes a trace.
pub(crate) struct Script {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
    writer: Writer<File>,
    stats: LiveStats,
    time_ns: u64,
}

impl Script {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("made-up.flagtrace");
        let file = File::create(&path).expect("the trace");
        let header = Header {
            program: "made-up".into(),
            ..Header::default()
        };
        let writer = Writer::new(file, header).expect("a header");
        Self {
            folder,
            path,
            writer,
            stats: LiveStats::default(),
            time_ns: 0,
        }
    }

    pub(crate) fn alloc(&mut self, thread: u32, size: u64) -> ObjectId {
        self.alloc_with(thread, size, 16, false)
    }

    pub(crate) fn alloc_with(
        &mut self,
        thread: u32,
        size: u64,
        align: u64,
        zeroed: bool,
    ) -> ObjectId {
        let object = ObjectId(self.stats.objects());
        self.push(
            thread,
            EventKind::Alloc {
                object,
                size,
                align,
                zeroed,
            },
        );
        object
    }

    pub(crate) fn realloc(&mut self, thread: u32, object: ObjectId, size: u64) {
        self.push(thread, EventKind::Realloc { object, size });
    }

    pub(crate) fn free(&mut self, thread: u32, object: ObjectId) {
        self.push(thread, EventKind::Free { object });
    }

    fn push(&mut self, thread: u32, kind: EventKind) {
        self.time_ns += 10;
        let event = Event {
            thread: ThreadNumber(thread),
            time_ns: self.time_ns,
            kind,
        };
        self.stats.push(&event).expect("a possible event");
        self.writer.push(&event).expect("the event is written");
    }

    /// Writes the end. The folder lives as long as what is returned.
    pub(crate) fn finish(self) -> Trace {
        self.writer
            .finish(self.stats.summary())
            .expect("the end is written");
        Trace {
            _folder: self.folder,
            path: self.path,
        }
    }
}

/// A finished trace in a temporary folder.
pub(crate) struct Trace {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Trace {
    pub(crate) fn source(&self) -> Source {
        Source::File(self.path.clone())
    }

    pub(crate) fn arg(&self) -> &str {
        self.path.to_str().expect("a path of text")
    }

    /// Replays the trace in this process.
    pub(crate) fn play(&self, contender: &dyn Contender) -> Result<Measured, Stopped> {
        let source = self.source();
        let survey = Survey::of(&source, |_| ()).expect("a readable trace");
        perform(contender, Stage::new(&source, &survey))
    }
}

/// The names of everything in a folder.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder");
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry.expect("an entry")))
        .collect();
    names.sort();
    names
}

/// What a made-up program does next; objects and threads are chosen among those there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    kind: u8,
    thread: u32,
    pick: usize,
    size: u64,
    align_log2: u32,
}

/// A few hundred steps of several threads.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![8 => 0..300_u64, 2 => 300..40_000_u64, 1 => 40_000..400_000_u64];
    let align_log2 = prop_oneof![8 => Just(4), 1 => 0..4_u32, 1 => 5..13_u32];
    let step = (0..6_u8, 0..9_u32, any::<usize>(), size, align_log2);
    let step = step.prop_map(|(kind, thread, pick, size, align_log2)| Step {
        kind,
        thread,
        pick,
        size,
        align_log2,
    });
    vec(step, 1..400)
}

/// The trace of a program that takes these steps.
pub(crate) fn trace_of(steps: &[Step]) -> Trace {
    let mut script = Script::new();
    let mut live = Vec::new();
    let mut threads = 0;
    for step in steps {
        // Threads are numbered in the order in which they appear.
        let thread = step.thread.min(threads);
        threads = threads.max(thread + 1);
        match (step.kind, live.len()) {
            (4.., 1..) => script.free(thread, live.swap_remove(step.pick % live.len())),
            (3, 1..) => script.realloc(thread, live[step.pick % live.len()], step.size),
            (kind, _) => {
                live.push(script.alloc_with(thread, step.size, 1 << step.align_log2, kind == 0));
            }
        }
    }
    script.finish()
}
