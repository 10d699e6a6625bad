//! The heap of the process.
#![expect(unsafe_code, reason = "implements GlobalAlloc")]

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::Cell,
    fmt,
    ptr::{self, NonNull},
};
use std::thread_local;

use super::{HeapOptions, HeapStats};
use crate::{
    layout::span::{LARGEST_SLOT, class_of},
    provider::OsPages,
    raw::heap::{HeapCore, Local, Wish, size_for},
    sync::process::{AtomicUsize, Ordering},
    thread,
};

/// The heap of the process, of which every value of this type is a door: what one allocates another may
/// free, on any thread. Pages come from the operating system.
///
/// See the [module](self) for what it costs, and [`HeapOptions`] for settings; those of the door that is used
/// first hold.
///
/// # Safety of what it hands out
///
/// As with any `GlobalAlloc`, a block must be freed once, and with its layout. What is freed twice, or was never
/// allocated, may corrupt the heap; some of it is noticed and goes to the
/// [corruption handler](crate::corruption).
pub struct Heap {
    options: HeapOptions,
}

static CORE: HeapCore<OsPages> = HeapCore::new(OsPages, HeapOptions::new().limits());

/// Whether the options hold: one of the three.
static READY: AtomicUsize = AtomicUsize::new(UNSET);
const UNSET: usize = 0;
const SETTING: usize = 1;
const SET: usize = 2;

/// Whether forks are told of.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// A local without spans, for threads that have none.
struct Nobody(Local);

// SAFETY: nothing in it is ever changed: its spans have no slots, and it gets no others.
unsafe impl Sync for Nobody {}

/// A thread has not allocated yet.
static NOT_YET: Nobody = Nobody(Local::nobody());
/// A thread has given its local back.
static ENDED: Nobody = Nobody(Local::nobody());

thread_local! {
    // Without a destructor, so that it can be used at any time of a thread's life.
    static LOCAL: Cell<*const Local> = const { Cell::new(&raw const NOT_YET.0) };
}

#[inline(always)]
fn local() -> *const Local {
    LOCAL.with(Cell::get)
}

/// A slot for `layout`, if one is ready; null if not.
#[inline(always)]
fn pop(layout: Layout) -> *mut u8 {
    // A layout's size can be rounded up to its alignment.
    let size = (layout.size() + (layout.align() - 1)) & !(layout.align() - 1);
    // SAFETY: the local is this thread's, or nobody's, which has no slots.
    unsafe { (*local()).pop(size) }
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
        Self { options }
    }

    /// Gives all free memory back to the system that the calling thread can reach: free slices, kept mappings,
    /// the thread's own spans without blocks, and the pages of its larger free slots. Answers how many bytes the system got back.
    pub fn purge(&self) -> usize {
        let local = self.tidied();
        // SAFETY: this thread's local.
        let slots = local.map_or(0, |local| unsafe { (*local).purge(CORE.store()) });
        slots + CORE.give_back(true)
    }

    /// Does what is due: gives back what was free for long enough. For programs that stop allocating; those
    /// that do not need no call.
    pub fn tick(&self) {
        self.tidied();
        CORE.give_back(false);
    }

    /// The thread's local, after it gave up spans that it does not need.
    fn tidied(&self) -> Option<*const Local> {
        let local = Some(local()).filter(|&local| !is_nobody(local))?;
        // SAFETY: this thread's local.
        unsafe { (*local).tidy(CORE.store()) };
        Some(local)
    }

    /// What the heap holds now. Time: O(spans), under locks; nothing is allocated.
    #[must_use]
    pub fn stats(&self) -> HeapStats {
        HeapStats::new(CORE.census())
    }

    /// Whether the address is in a block of the heap, or in a slot that a block could have. Time: O(chunks),
    /// under locks.
    #[must_use]
    pub fn owns<T: ?Sized>(&self, address: *const T) -> bool {
        CORE.owns(address.addr())
    }

    /// How many bytes of a block may be used: as many as were asked for, or more.
    ///
    /// # Safety
    ///
    /// `block` is a block of the heap that was not freed.
    #[must_use]
    pub unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the caller's promise.
        unsafe { HeapCore::<OsPages>::usable_size(block) }
    }

    /// Frees a block without its layout.
    ///
    /// # Safety
    ///
    /// `block` is a block of the heap that was not freed, and nobody uses it any more.
    #[inline]
    pub unsafe fn free(&self, block: NonNull<u8>) {
        // SAFETY: the local is this thread's, or nobody's, which has no blocks; the rest is the caller's promise.
        if !unsafe { (*local()).push(block, CORE.store()) } {
            // SAFETY: the caller's promise.
            unsafe { CORE.free_slow(block) };
        }
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
        if let Some(block) = unsafe { CORE.resize(block, new.size(), new.align()) } {
            return block.as_ptr();
        }
        let mut moved = pop(new);
        if moved.is_null() {
            (moved, _) = self.alloc_slow(new, Wish::Room);
        }
        let Some(moved) = NonNull::new(moved) else {
            return ptr::null_mut();
        };
        // SAFETY: the caller's promise.
        let kept = unsafe { self.usable_size(block) }.min(new.size());
        // SAFETY: both blocks have so many bytes, and they are two.
        unsafe { moved.copy_from_nonoverlapping(block, kept) };
        // SAFETY: the caller's block, which nobody uses any more.
        unsafe { self.free(block) };
        moved.as_ptr()
    }

    /// A block when no slot is ready, and whether it is zeroed.
    #[cold]
    #[inline(never)]
    fn alloc_slow(&self, layout: Layout, wish: Wish) -> (*mut u8, bool) {
        self.set_up();
        let local = local();
        if !is_nobody(local) {
            // SAFETY: this thread's local.
            return allocated(unsafe { CORE.alloc_slow(&*local, layout, wish) });
        }
        let Some(attached) = CORE.attach() else {
            return (ptr::null_mut(), false);
        };
        if ptr::eq(local, &raw const NOT_YET.0) && self.begin(attached) {
            // SAFETY: this thread's local.
            return allocated(unsafe { CORE.alloc_slow(attached.as_ref(), layout, wish) });
        }
        // A thread past its end takes a local for one block.
        // SAFETY: this thread's local.
        let block = unsafe { CORE.alloc_slow(attached.as_ref(), layout, wish) };
        // SAFETY: as above.
        unsafe { CORE.detach(attached) };
        allocated(block)
    }

    /// Gives the calling thread its local; `false` if the thread has run its exit hooks already.
    fn begin(&self, attached: NonNull<Local>) -> bool {
        // Before the hook is registered, because that may allocate.
        LOCAL.set(attached.as_ptr());
        let registered = thread::on_exit(move || {
            LOCAL.set(&raw const ENDED.0);
            // SAFETY: this thread's local, which it has given up.
            unsafe { CORE.detach(attached) };
        });
        if registered.is_err() {
            LOCAL.set(&raw const ENDED.0);
        }
        // Relaxed: one thread gets the answer, and it orders nothing.
        if FORKS.swap(1, Ordering::Relaxed) == 0 {
            // Allocates, too. SAFETY: the functions lock and unlock, no more.
            let _ = unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
        }
        registered.is_ok()
    }

    /// Sees to it that the options of the door that is used first hold.
    fn set_up(&self) {
        // Acquire: pairs with the Release below, so that what is mapped is within the limit.
        while READY.load(Ordering::Acquire) != SET {
            // Relaxed: who wins only writes.
            let first =
                READY.compare_exchange(UNSET, SETTING, Ordering::Relaxed, Ordering::Relaxed);
            if first.is_ok() {
                CORE.store().set_limits(self.options.limits());
                READY.store(SET, Ordering::Release);
            }
        }
    }
}

fn allocated(block: Option<(NonNull<u8>, bool)>) -> (*mut u8, bool) {
    block.map_or((ptr::null_mut(), false), |(block, zeroed)| {
        (block.as_ptr(), zeroed)
    })
}

fn is_nobody(local: *const Local) -> bool {
    ptr::eq(local, &raw const NOT_YET.0) || ptr::eq(local, &raw const ENDED.0)
}

extern "C" fn before() {
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
        let slot = pop(layout);
        if slot.is_null() {
            return self.alloc_slow(layout, Wish::Nothing).0;
        }
        slot
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: a block, by the caller's promise, so not null.
        unsafe { self.free(NonNull::new_unchecked(block)) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (mut block, mut zeroed) = (pop(layout), false);
        if block.is_null() {
            (block, zeroed) = self.alloc_slow(layout, Wish::Zeroed);
        }
        if !zeroed && !block.is_null() {
            // SAFETY: so many bytes are in the block.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: by the caller's promise, a layout.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        if let (Some(old_size), Some(size)) = (size_for(layout), size_for(new))
            && old_size <= LARGEST_SLOT
            && size <= LARGEST_SLOT
            && class_of(size) == class_of(old_size)
        {
            return block;
        }
        // SAFETY: a block, by the caller's promise, so not null; the new size is not 0.
        unsafe { self.resize(NonNull::new_unchecked(block), new) }
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
