//! What an allocator is told about lifetimes is true, whatever the trace and whatever the survey
//! said: groups belong to one thread, and end when no object of theirs is live.
#![expect(
    unsafe_code,
    reason = "implements an allocator that checks what it is told"
)]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::fs;
use std::sync::Mutex;
use std::thread::{self, ThreadId};

use flagstone_cli::replay::{
    Alone, Contender, Lifetime, LifetimeAlloc, Measured, Shared, Stage, Stopped, Survey,
    contender_named, perform,
};
use proptest::prelude::*;
use support::{Script, Trace, steps, trace_of};

/// Checks what it is told, and writes down how many groups ended and how many objects they had.
#[derive(Debug, Default)]
struct Auditor(Mutex<Audit>);

#[derive(Debug, Default)]
struct Audit {
    /// The group of every live object by its address.
    live: HashMap<usize, Option<usize>>,
    thread_of: HashMap<usize, ThreadId>,
    ended: u64,
    joined: u64,
}

impl Audit {
    fn hears(&mut self, lifetime: Lifetime) {
        let group = lifetime.group();
        assert!(group.is_some() || !lifetime.ends_group());
        if let Some(group) = group {
            let me = thread::current().id();
            assert_eq!(*self.thread_of.entry(group).or_insert(me), me);
        }
    }

    fn is_live(&self, group: usize) -> bool {
        self.live.values().any(|other| *other == Some(group))
    }
}

/// What the groups are checked with.
struct Checked<'a> {
    audit: &'a Mutex<Audit>,
    groups: usize,
}

impl Checked<'_> {
    fn born(&self, object: *mut u8, lifetime: Lifetime) -> *mut u8 {
        let mut audit = self.audit.lock().expect("no assertion failed");
        audit.hears(lifetime);
        assert!(!lifetime.ends_group(), "only a free ends a group");
        assert!(lifetime.group().is_none_or(|group| group < self.groups));
        audit.joined += u64::from(lifetime.group().is_some());
        audit.live.insert(object.addr(), lifetime.group());
        object
    }

    fn dies(&self, object: *mut u8, lifetime: Lifetime) {
        let mut audit = self.audit.lock().expect("no assertion failed");
        audit.hears(lifetime);
        assert_eq!(audit.live.remove(&object.addr()), Some(lifetime.group()));
    }
}

// SAFETY: the system's allocator keeps the contract.
unsafe impl LifetimeAlloc for Checked<'_> {
    unsafe fn alloc_for(&self, layout: Layout, lifetime: Lifetime) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.born(unsafe { System.alloc(layout) }, lifetime)
    }

    unsafe fn alloc_zeroed_for(&self, layout: Layout, lifetime: Lifetime) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.born(unsafe { System.alloc_zeroed(layout) }, lifetime)
    }

    unsafe fn realloc_for(
        &self,
        object: *mut u8,
        layout: Layout,
        size: usize,
        lifetime: Lifetime,
    ) -> *mut u8 {
        self.dies(object, lifetime);
        // SAFETY: the caller's promise.
        let object = unsafe { System.realloc(object, layout, size) };
        let mut audit = self.audit.lock().expect("no assertion failed");
        audit.live.insert(object.addr(), lifetime.group());
        object
    }

    unsafe fn dealloc_for(&self, object: *mut u8, layout: Layout, lifetime: Lifetime) {
        self.dies(object, lifetime);
        if lifetime.ends_group() {
            let mut audit = self.audit.lock().expect("no assertion failed");
            assert!(!audit.is_live(lifetime.group().expect("the group that ends")));
            audit.ended += 1;
        }
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(object, layout) };
    }
}

impl Auditor {
    fn listener<'a>(&'a self) -> impl FnOnce(usize) -> Checked<'a> {
        |groups| Checked {
            audit: &self.0,
            groups,
        }
    }
}

impl Contender for Auditor {
    fn name(&self) -> &'static str {
        "auditor"
    }

    fn about(&self) -> &'static str {
        "checks what it is told"
    }

    fn wants_lifetimes(&self) -> bool {
        true
    }

    fn alone(&self, stage: Alone<'_>) -> Result<Measured, Stopped> {
        stage.play_with_lifetimes(self.listener())
    }

    fn shared(&self, stage: Shared<'_>) -> Result<Measured, Stopped> {
        stage.play_with_lifetimes(self.listener())
    }
}

/// Plays the trace; as many objects join, and as many groups end, as the survey found.
fn assert_told(trace: &Trace) -> Audit {
    let survey = Survey::of(&trace.source(), |_| ()).expect("a readable trace");
    let auditor = Auditor::default();
    let played = trace.play(&auditor);
    assert!(played.is_ok(), "{played:?}");
    let audit = auditor.0.into_inner().expect("no assertion failed");
    let found = (survey.phases.phases, survey.phases.joined);
    assert_eq!((audit.ended, audit.joined), found, "{:?}", survey.phases);
    assert!(audit.live.is_empty());
    audit
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn every_trace_is_told_the_truth(steps in steps()) {
        assert_told(&trace_of(&steps));
    }
}

#[test]
fn requests_of_several_threads_are_told_the_truth() {
    let mut script = Script::new();
    for round in 0..300_u32 {
        for thread in 0..4.min(round + 1) {
            let mut objects: Vec<_> = (0..30).map(|_| script.alloc(thread, 70)).collect();
            script.realloc(thread, objects[0], 300);
            if round % 3 == 0 {
                // By another thread.
                objects.drain(..5).for_each(|object| script.free(0, object));
            }
            objects
                .into_iter()
                .for_each(|object| script.free(thread, object));
        }
    }
    let audit = assert_told(&script.finish());
    assert!(audit.ended > 1_000, "{}", audit.ended);
}

#[test]
fn threads_that_share_a_worker_are_told_nothing_and_counted_as_such() {
    let mut script = Script::new();
    for _ in 0..3 {
        let objects: Vec<_> = (0..100 * 20).map(|n| script.alloc(n / 20, 50)).collect();
        for (n, object) in objects.into_iter().enumerate() {
            script.free(n as u32 / 20, object);
        }
    }
    let audit = assert_told(&script.finish());
    assert!(audit.joined > 0 && audit.joined < 100 * 20 * 3);
}

#[test]
fn a_trace_that_changes_after_the_survey_is_refused_or_told_the_truth() {
    // The same calls; in the second trace other threads free, and nothing dies together.
    let write = |changed: bool| {
        let mut script = Script::new();
        let early = [script.alloc(0, 50), script.alloc(1, 50)];
        for _ in 0..10 {
            let mut objects: Vec<_> = (0..40).map(|_| script.alloc(0, 50)).collect();
            if changed {
                objects.reverse();
            }
            for (n, object) in objects.into_iter().enumerate() {
                script.free(u32::from(changed && n % 2 == 1), object);
            }
        }
        early.into_iter().for_each(|object| script.free(0, object));
        script.finish()
    };
    let (before, after) = (write(false), write(true));
    let source = before.source();
    let survey = Survey::of(&source, |_| ()).expect("a readable trace");
    assert!(survey.phases.joined > 0);
    fs::copy(&after.path, &before.path).expect("the trace is replaced");
    let arenas = contender_named("arenas").expect("the arenas");
    for contender in [arenas, &Auditor::default()] {
        let played = perform(contender, Stage::new(&source, &survey));
        assert!(matches!(played, Err(Stopped::Failure(_))), "{played:?}");
    }
}

#[test]
fn an_allocator_that_does_not_ask_is_told_nothing() {
    #[derive(Debug)]
    struct Deaf;
    impl Contender for Deaf {
        fn name(&self) -> &'static str {
            "deaf"
        }
        fn about(&self) -> &'static str {
            "an allocator like any other"
        }
        fn alone(&self, stage: Alone<'_>) -> Result<Measured, Stopped> {
            stage.play(|| System)
        }
        fn shared(&self, stage: Shared<'_>) -> Result<Measured, Stopped> {
            stage.play(|| System)
        }
    }
    let mut script = Script::new();
    let objects: Vec<_> = (0..40).map(|_| script.alloc(0, 50)).collect();
    objects
        .into_iter()
        .for_each(|object| script.free(0, object));
    assert!(!Deaf.wants_lifetimes());
    assert!(script.finish().play(&Deaf).is_ok());
}

#[test]
fn the_bundled_recordings_are_told_the_truth() {
    for source in flagstone_cli::Source::bundled() {
        let survey = Survey::of(&source, |_| ()).expect("a readable trace");
        let auditor = Auditor::default();
        let played = perform(&auditor, Stage::new(&source, &survey));
        assert!(played.is_ok(), "{source}: {played:?}");
        let audit = auditor.0.into_inner().expect("no assertion failed");
        let found = (survey.phases.phases, survey.phases.joined);
        assert_eq!((audit.ended, audit.joined), found, "{source}");
    }
}
