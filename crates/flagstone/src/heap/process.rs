//! The heap of the process.
#![expect(unsafe_code, reason = "implements GlobalAlloc")]

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::Cell,
    fmt, ptr,
    ptr::NonNull,
};
use std::thread_local;

use super::{
    GuardedBlock, HeapArea, HeapOptions, HeapStats,
    door::{Door, Nobody, same_class},
    fault, spoken,
    word::{self, NOT_YET},
};
use crate::{
    provider::OsPages,
    raw::heap::{HeapCore, Local},
    sync::{
        Backoff,
        process::{AtomicUsize, Ordering},
    },
    thread,
};

/// The heap of the process, of which every value of this type is a door: what one allocates another may
/// free, on any thread. Pages come from the operating system.
///
/// See the [module](super) for what it costs, and [`HeapOptions`] for settings; those of the door that is used
/// first hold.
///
/// # Safety of what it hands out
///
/// As with any `GlobalAlloc`, a block must be freed once, and with its layout. What is freed twice, or was never
/// allocated, may corrupt the heap; some of it is noticed and goes to the
/// [corruption handler](crate::corruption).
pub struct Heap {
    options: Choice,
}

/// Options, or who knows them.
#[derive(Debug)]
enum Choice {
    Made(HeapOptions),
    Open(fn() -> HeapOptions),
}

static CORE: HeapCore<OsPages> = HeapCore::new(OsPages, HeapOptions::new().limits());

/// Whether the options hold: one of the two, or [`by_this_process`] while a thread sees to it.
static READY: AtomicUsize = AtomicUsize::new(NOT_DONE);
/// Whether the system tells of forks; in the same way.
static FORKS: AtomicUsize = AtomicUsize::new(NOT_DONE);

const NOT_DONE: usize = 0;
const DONE: usize = 1;

/// A thread of the calling process is at it. A fork may leave that thread behind: then others see by the number that
/// nobody is.
fn by_this_process() -> usize {
    (std::process::id() as usize) << 1
}

/// A thread has given its local back.
static ENDED: Nobody = Nobody::new();

thread_local! {
    // The calling thread's local, also if the heap is strict and the word says nobody's. Without a destructor, so
    // that it can be used at any time of a thread's life.
    static OWN: Cell<*const Local> = const { Cell::new(NOT_YET.local()) };
}

// SAFETY: the word is the thread's own and of `CORE`, the heap of all values of the type.
unsafe impl Door for Heap {
    type Provider = OsPages;

    #[inline(always)]
    fn core(&self) -> &HeapCore<OsPages> {
        &CORE
    }

    #[inline(always)]
    fn local(&self) -> *const Local {
        word::get()
    }

    fn own_local(&self) -> Option<*const Local> {
        let local = OWN.get();
        let nobody = ptr::eq(local, NOT_YET.local()) || ptr::eq(local, ENDED.local());
        (!nobody).then_some(local)
    }

    fn divert(&self, away: bool) {
        let own = self.own_local().filter(|_| !CORE.store().is_strict());
        // One that is past its end has none.
        if let Some(own) = own {
            word::set(if away { NOT_YET.local() } else { own });
        }
    }

    fn attached(&self) -> Option<*const Local> {
        self.set_up();
        if ptr::eq(OWN.get(), NOT_YET.local()) {
            self.begin(CORE.attach()?);
        }
        self.own_local()
    }
}

impl Heap {
    /// A door with the default options.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_options(HeapOptions::new())
    }

    /// A door with options that hold if it is the first to be used.
    #[must_use]
    pub const fn with_options(options: HeapOptions) -> Self {
        Self {
            options: Choice::Made(options),
        }
    }

    /// A door whose options are chosen when it is used, and hold if it is the first: by the environment, say.
    /// `choose` is called once, in the first allocation of the process, so it must not allocate: it would wait for
    /// itself. If it panics, the process ends.
    ///
    /// ```
    /// use flagstone::heap::{Heap, HeapOptions};
    ///
    /// static HEAP: Heap = Heap::with_options_from(|| HeapOptions::new().checked(cfg!(debug_assertions)));
    /// ```
    #[must_use]
    pub const fn with_options_from(choose: fn() -> HeapOptions) -> Self {
        Self {
            options: Choice::Open(choose),
        }
    }

    /// Gives all free memory back to the system that the calling thread can reach: free slices, kept mappings,
    /// the thread's own spans without blocks, and the pages of its larger free slots. Answers how many bytes the system got back.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn purge(&self) -> usize {
        self.give_all_back()
    }

    /// Does what is due: gives back what was free for long enough. For programs that stop allocating; those
    /// that do not need no call. A [`Ticker`](super::Ticker) calls it for you.
    pub fn tick(&self) {
        self.give_due_back();
    }

    /// What the heap holds now. Time: O(spans), under locks; nothing is allocated.
    #[must_use]
    pub fn stats(&self) -> HeapStats {
        self.census()
    }

    /// Writes the [`stats`](Self::stats) to the standard error stream, in one piece, behind a line with the number of the
    /// process. Nothing is allocated.
    pub fn report(&self) {
        spoken::say(whole_report);
    }

    /// Writes the [`stats`](Self::stats) when the process ends: when `main` returns, or at [`std::process::exit`]; to what is the
    /// standard error stream when this is called, of whose descriptor a copy is kept. Functions that were
    /// registered with `atexit` before come later. Nothing is allocated.
    ///
    /// ```no_run
    /// use flagstone::heap::Heap;
    ///
    /// #[global_allocator]
    /// static HEAP: Heap = Heap::new();
    ///
    /// fn main() {
    ///     HEAP.report_at_exit();
    ///     // … the program …
    /// }
    /// ```
    pub fn report_at_exit(&self) {
        self.report_at_exit_with(whole_report);
    }

    /// Writes what `report` has to say when the process ends, as [`report_at_exit`](Self::report_at_exit) does. The
    /// report that was chosen last is written, and no other. It should not allocate, if it speaks of the heap; if it panics, the
    /// process aborts.
    ///
    /// ```
    /// use flagstone::heap::Heap;
    ///
    /// static HEAP: Heap = Heap::new();
    /// HEAP.report_at_exit_with(|to| writeln!(to, "{} bytes in use", HEAP.stats().live()));
    /// ```
    pub fn report_at_exit_with(&self, report: fn(&mut dyn fmt::Write) -> fmt::Result) {
        spoken::say_at_exit(report);
    }

    /// Calls `visit` with every area that blocks are in: the spans and runs of chunks by ascending addresses, then
    /// the mappings. Nothing is allocated, and about 2 KiB of stack are needed.
    ///
    /// No lock is held while `visit` runs: it may do whatever it likes with the heap, and other threads may, too. An
    /// area that is there from the beginning to the end of the walk is visited once; one that comes or goes
    /// meanwhile, once or not at all; a block that is resized and moves may be met at both places or at none. The
    /// blocks of an area are those that were in use just before `visit` was called with it, but for those that other
    /// threads were allocating or freeing right then. So a visitor may free the blocks that it is shown, if nobody
    /// else does and none of them was freed since.
    ///
    /// Time: O(spans + chunks² + mappings²), and O(slots) where the blocks are known; one lock at a time, for an
    /// area each.
    ///
    /// ```
    /// use flagstone::heap::Heap;
    ///
    /// static HEAP: Heap = Heap::new();
    /// let mut bytes = 0;
    /// HEAP.walk(|area| bytes += area.in_use() * area.slot_size());
    /// assert_eq!(bytes, HEAP.stats().live());
    /// ```
    pub fn walk(&self, visit: impl FnMut(&HeapArea)) {
        self.walk_areas(visit);
    }

    /// Whether the address is in a block of the heap, or in a slot that a block could have. Time: O(chunks),
    /// under locks.
    #[must_use]
    pub fn owns<T: ?Sized>(&self, address: *const T) -> bool {
        CORE.owns(address.addr())
    }

    /// What is known of the guarded block at or near the address, if there is one: for a corruption handler, or
    /// one of faults. Waits for nothing and allocates nothing.
    #[must_use]
    pub fn guarded_block<T: ?Sized>(&self, address: *const T) -> Option<GuardedBlock> {
        CORE.guarded_at(address.addr()).map(GuardedBlock::new)
    }

    /// From now on a fault at a [guarded block](HeapOptions::sampled) is explained before the process ends of it: which block
    /// it is, what was touched, and where it was allocated and freed, as addresses with their files, on standard
    /// error. Installs handlers of `SIGSEGV` and `SIGBUS`, which leave what they do not know to those that were there
    /// before, and what they do, too. They run on a thread's alternate signal stack, if it has one, of which they need
    /// about 2 KiB beside what the system puts there (4 in programs that are not optimised). `false` if the system refuses.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn report_faults(&self) -> bool {
        fault::install(|address| CORE.guarded_at(address).map(GuardedBlock::new))
    }

    /// How many bytes of a block may be used: as many as were asked for, or more.
    ///
    /// # Safety
    ///
    /// `block` is a block of the heap that was not freed.
    #[must_use]
    pub unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.block_size(block) }
    }

    /// Frees a block without its layout.
    ///
    /// # Safety
    ///
    /// `block` is a block of the heap that was not freed, and nobody uses it any more.
    #[inline]
    pub unsafe fn free(&self, block: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.free_block(block) }
    }

    /// Makes a block as large as `new` and aligned as `new`, without its old layout. What it holds stays, up to
    /// the smaller size; null if there is no memory, and then the block is as it was.
    ///
    /// # Safety
    ///
    /// `block` is a block of the heap that was not freed; `new` has a size. If the answer is not null, the old
    /// block was freed.
    #[must_use]
    pub unsafe fn resize(&self, block: NonNull<u8>, new: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.resize_block(block, new) }
    }

    /// Gives the calling thread its local, or, if it has run its exit hooks already, lets it do without.
    fn begin(&self, attached: NonNull<Local>) {
        // Before the hook is registered, because that may allocate.
        OWN.set(attached.as_ptr());
        if !CORE.store().is_strict() {
            word::set(attached.as_ptr());
        }
        if ask_for_forks() && is_main_thread() {
            // It ends with the process, whose handlers and destructors run behind its hooks and should
            // not take a local for every block. If it ends before, what it has stays unused.
            return;
        }
        if !thread::run_last(end) {
            end();
        }
    }

    /// Sees to it that the options of the door that is used first hold.
    fn set_up(&self) {
        let mut backoff = Backoff::default();
        // Acquire: pairs with the Release below, so that what is mapped is within the limit.
        let mut seen = READY.load(Ordering::Acquire);
        while seen != DONE {
            let ours = by_this_process();
            if seen == ours {
                backoff.wait();
                seen = READY.load(Ordering::Acquire);
                continue;
            }
            // Relaxed: who wins only writes. Acquire: as above.
            match READY.compare_exchange(seen, ours, Ordering::Relaxed, Ordering::Acquire) {
                Ok(_) => {
                    CORE.store().set_limits(self.options.get().limits());
                    READY.store(DONE, Ordering::Release);
                    return;
                }
                Err(now) => seen = now,
            }
        }
    }
}

/// Has the system tell of forks, if nobody has done so; whether it was this call.
fn ask_for_forks() -> bool {
    // Relaxed, here and in `before`: one thread gets the answer, and it orders nothing.
    let seen = FORKS.load(Ordering::Relaxed);
    if seen == DONE {
        return false;
    }
    let ours = by_this_process();
    let first = seen != ours
        && FORKS
            .compare_exchange(seen, ours, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
    if first {
        // Allocates. SAFETY: the functions lock and unlock, no more.
        let _ = unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
        FORKS.store(DONE, Ordering::Relaxed);
    }
    first
}

impl Choice {
    fn get(&self) -> HeapOptions {
        /// Ends the process when a panic drops it: nobody would ever set the heap up.
        struct Last;

        impl Drop for Last {
            fn drop(&mut self) {
                std::process::abort();
            }
        }

        match self {
            Self::Made(options) => *options,
            Self::Open(choose) => {
                let last = Last;
                let options = choose(); // USER CODE
                core::mem::forget(last);
                options
            }
        }
    }
}

fn whole_report(to: &mut dyn fmt::Write) -> fmt::Result {
    let (process, stats) = (std::process::id(), Heap::new().stats());
    writeln!(to, "flagstone: the heap of process {process}:\n{stats}")
}

/// The calling thread gives its local back.
fn end() {
    word::set(ENDED.local());
    let own = NonNull::new(OWN.replace(ENDED.local()).cast_mut());
    if let Some(own) = own {
        // SAFETY: this thread's local, which it has given up.
        unsafe { CORE.detach(own) };
    }
}

/// Whether the calling thread is the one that the process began with; `false` where that cannot be told.
fn is_main_thread() -> bool {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        // SAFETY: no preconditions.
        let process = unsafe { libc::getpid() };
        // SAFETY: as above.
        let thread = unsafe { libc::syscall(libc::SYS_gettid) };
        i64::from(process) == thread
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    {
        false
    }
}

// No thread-locals in these two: in a library the way to them may allocate.
extern "C" fn before() {
    // The copy need not ask, even if who did has not said so yet.
    FORKS.store(DONE, Ordering::Relaxed);
    CORE.before_fork();
}

extern "C" fn after() {
    // SAFETY: called behind `before`, by the same thread or its copy.
    unsafe { CORE.after_fork() };
}

// SAFETY: blocks are fresh or were freed, as large as asked and aligned, as slots of classes that are
// multiples of the alignment, or slices, are; they stay until they are freed. Nothing unwinds.
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.alloc_block(layout)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: a block, by the caller's promise, so not null.
        unsafe { self.free_block(NonNull::new_unchecked(block)) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.alloc_zeros(layout)
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: by the caller's promise, a layout.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // A guarded block has no more bytes than it was asked for.
        if CORE.store().sampled() == 0 && same_class(layout, new) {
            return block;
        }
        // SAFETY: a block, by the caller's promise, so not null; the new size is not 0.
        unsafe { self.resize_block(NonNull::new_unchecked(block), new) }
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
