//! A contender that breaks an allocator's promise is found out and named, not measured.
#![expect(unsafe_code, reason = "implements allocators, wrongly")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::Mutex;

use flagstone_cli::replay::{Alone, Contender, Measured, Shared, Stopped};
use support::{Script, Trace};

/// How an allocator can lie. `Nothing` shows that the others are not blamed without a reason.
#[derive(Clone, Copy, Debug)]
enum Lie {
    Nothing,
    SameMemoryTwice,
    ClassTooSmall,
    NotZeroed,
    Misaligned,
    ForgetsOnRealloc,
    Null,
    Panics,
}

/// Bytes of the memory that a liar hands out from; it never reuses any.
const MEMORY: usize = 1 << 20;

#[derive(Debug)]
struct Liar {
    lie: Lie,
    memory: *mut u8,
    used: Mutex<usize>,
}

// SAFETY: the memory belongs to the liar and is handed out under the mutex.
unsafe impl Send for Liar {}
// SAFETY: as for `Send`.
unsafe impl Sync for Liar {}

impl Liar {
    fn new(lie: Lie) -> Self {
        // SAFETY: the layout is not empty.
        let memory = unsafe { System.alloc(Self::layout()) };
        assert!(!memory.is_null());
        // SAFETY: the memory was just allocated with this size.
        unsafe { ptr::write_bytes(memory, 0xAA, MEMORY) };
        Self {
            lie,
            memory,
            used: Mutex::new(0),
        }
    }

    fn layout() -> Layout {
        Layout::from_size_align(MEMORY, 4096).expect("a layout")
    }

    /// Hands out `size` bytes, of which the next `shared` are handed out again.
    fn take(&self, size: usize, shared: usize) -> *mut u8 {
        let mut used = self.used.lock().expect("no panic under the lock");
        let start = *used;
        *used = start + size.next_multiple_of(16) - shared;
        assert!(start + size <= MEMORY, "the test's memory is enough");
        // SAFETY: the offset is inside, as asserted.
        unsafe { self.memory.add(start) }
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { System.dealloc(self.memory, Self::layout()) };
    }
}

// SAFETY: it is not an allocator, which is the point: whatever it hands out is inside its own
// initialised memory, so that using it is sound though wrong.
unsafe impl GlobalAlloc for Liar {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.lie {
            Lie::SameMemoryTwice => self.take(layout.size(), layout.size().next_multiple_of(16)),
            Lie::ClassTooSmall if layout.size() > 32 => self.take(layout.size(), 16),
            Lie::Misaligned => self.take(layout.size() + 1, 0).wrapping_add(1),
            Lie::Null => ptr::null_mut(),
            Lie::Panics => panic!("this allocator panics"),
            _ => self.take(layout.size(), 0),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let start = self.take(layout.size(), 0);
        if !matches!(self.lie, Lie::NotZeroed) {
            // SAFETY: `take` gave this many bytes.
            unsafe { ptr::write_bytes(start, 0, layout.size()) };
        }
        start
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let new = self.take(size, 0);
        if !matches!(self.lie, Lie::ForgetsOnRealloc) {
            // SAFETY: the old object has the layout's size, the new one `size`, both inside.
            unsafe { ptr::copy(old, new, layout.size().min(size)) };
        }
        new
    }
}

impl Contender for Lie {
    fn name(&self) -> &'static str {
        "liar"
    }

    fn about(&self) -> &'static str {
        "breaks one promise"
    }

    fn alone(&self, stage: Alone<'_>) -> Result<Measured, Stopped> {
        stage.play(|| Liar::new(*self))
    }

    fn shared(&self, stage: Shared<'_>) -> Result<Measured, Stopped> {
        stage.play(|| Liar::new(*self))
    }
}

/// Every kind of operation, by as many threads.
fn trace(threads: u32) -> Trace {
    let mut script = Script::new();
    let mut live = Vec::new();
    for round in 0..40 {
        for thread in 0..threads {
            let object = script.alloc(thread, 48);
            live.push(script.alloc_with(thread, 24, 16, round % 2 == 0));
            script.realloc(thread, object, 100);
            live.push(object);
        }
        if round % 4 == 3 {
            live.drain(..).for_each(|object| script.free(0, object));
        }
    }
    script.finish()
}

#[test]
fn an_honest_allocator_is_not_blamed() {
    for threads in [1, 3] {
        assert!(trace(threads).play(&Lie::Nothing).is_ok());
    }
}

#[test]
fn overlapping_memory_is_found() {
    for lie in [Lie::SameMemoryTwice, Lie::ClassTooSmall] {
        match trace(1).play(&lie) {
            Err(Stopped::Fault(fault)) => assert!(fault.is_overlap(), "{fault}"),
            other => panic!("{lie:?} passed: {other:?}"),
        }
    }
}

#[test]
fn no_memory_is_a_fault() {
    match trace(1).play(&Lie::Null) {
        Err(Stopped::Fault(fault)) => assert!(fault.is_out_of_memory(), "{fault}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_other_broken_promise_is_a_fault() {
    for lie in [Lie::NotZeroed, Lie::Misaligned, Lie::ForgetsOnRealloc] {
        let played = trace(1).play(&lie);
        assert!(
            matches!(played, Err(Stopped::Fault(_))),
            "{lie:?}: {played:?}"
        );
    }
}

#[test]
fn with_several_threads_a_fault_ends_the_replay_for_all() {
    for lie in [Lie::NotZeroed, Lie::Null, Lie::Panics] {
        let played = trace(3).play(&lie);
        assert!(
            matches!(played, Err(Stopped::Fault(_))),
            "{lie:?}: {played:?}"
        );
    }
}
