//! The recording of one process: its file, and the segments that the file grows by.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::file::{self, Path};
use crate::format::{FIRST_SEGMENT, LIMIT_REACHED, PAGE, SITES, head, segment};
use crate::orders::Orders;
use crate::segment::Segment;
use crate::sys::{self, Undisturbed};
use crate::{exec, sample, stacks};

/// Nothing has happened yet in this process; also what a forked child finds.
const FRESH: u32 = 0;
/// A thread is starting the recording; the others' events pass by unrecorded.
const STARTING: u32 = 1;
/// Events are recorded.
const RECORDING: u32 = 2;
/// No recording was asked for, or it failed.
const STOPPED: u32 = 3;

/// Bytes of the largest segment of a thread.
const LARGEST_SEGMENT: u64 = 1024 * 1024;
/// What a thread that ends keeps for the events of its last moments, and the least worth giving on.
const KEPT_AT_EXIT: u64 = 256;
const LEAST_REST: u64 = 1024;
/// Keys below this number need no allocation to be set (a constant of glibc's threads).
const PLAIN_KEYS: c_uint = 32;

/// The state of a recording. It lies in memory that a forked child finds zeroed, and zero means
/// [`FRESH`], unlocked, no threads, no file.
///
/// 1. `epoch` is not 0 exactly while `phase` is `RECORDING`; it differs between recordings.
/// 2. `growth` is touched only by the holder of `lock`, or by the one thread that set `STARTING`.
pub(crate) struct Process {
    phase: AtomicU32,
    lock: AtomicU32,
    threads: AtomicU32,
    epoch: AtomicU64,
    sample_bytes: AtomicU64,
    depth: AtomicU32,
    growth: UnsafeCell<Growth>,
}

// SAFETY: all fields but `growth` are atomics; invariant 2 keeps `growth` to one thread at a time.
unsafe impl Sync for Process {}

/// What changes when the file grows.
pub(crate) struct Growth {
    /// The mapped head of the file; null without a file.
    head: *mut AtomicU64,
    /// Bytes of the file.
    end: u64,
    /// Segments handed to threads so far.
    sequence: u64,
    /// Rests of the segments of ended threads, linked through their heads.
    spare: Option<Segment>,
    /// Where the next call site is written.
    sites: Option<Segment>,
    orders: Orders,
    path: Path,
}

/// The state of this process. Null before the first event.
static PROCESS: AtomicPtr<Process> = AtomicPtr::new(ptr::null_mut());
/// The key under which each thread keeps its segment. Valid once `PROCESS` is set.
static KEY: AtomicU32 = AtomicU32::new(0);

impl Process {
    /// The state of this process, if it has one yet.
    #[inline]
    pub(crate) fn current() -> Option<&'static Self> {
        // Acquire: pairs with the Release store in `set_up`.
        let process = NonNull::new(PROCESS.load(Ordering::Acquire))?;
        // SAFETY: the pointer comes from `set_up`, whose page is aligned, was zeroed (a valid
        // state) and is never unmapped.
        Some(unsafe { process.as_ref() })
    }

    /// The calling thread's segment of this recording, if it has one.
    #[inline]
    pub(crate) fn own_segment(&self) -> Option<Segment> {
        let segment = own_segment()?;
        // Relaxed: a thread's own segment was written by itself, and a recording that stops
        // meanwhile only has one event more. After a fork the epochs differ.
        (segment.word(segment::EPOCH).load(Ordering::Relaxed) == self.epoch()).then_some(segment)
    }

    /// Start of the recording in nanoseconds of `CLOCK_MONOTONIC`, or 0 when there is none.
    #[inline]
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Bytes per sample point, or 0 when everything is recorded.
    #[inline]
    pub(crate) fn sample_bytes(&self) -> u64 {
        self.sample_bytes.load(Ordering::Relaxed)
    }

    /// Return addresses to keep of a call, or 0.
    #[inline]
    pub(crate) fn depth(&self) -> usize {
        self.depth.load(Ordering::Relaxed) as usize
    }

    /// Gives the calling thread the segment after `full`, or its first one.
    ///
    /// `None` when nothing is recorded: stopped, just starting on another thread, not asked for.
    #[cold]
    pub(crate) fn next_segment(&self, full: Option<Segment>) -> Option<Segment> {
        // Relaxed: a stop is final, and one that is missed is met again below.
        if self.phase.load(Ordering::Relaxed) == STOPPED {
            return None;
        }
        let _undisturbed = Undisturbed::begin();
        // Acquire: pairs with the Release store at the end of `start`.
        if self.phase.load(Ordering::Acquire) == FRESH {
            self.start();
        }
        if self.phase.load(Ordering::Acquire) != RECORDING {
            return None;
        }
        let thread = full.map_or_else(
            || u64::from(self.threads.fetch_add(1, Ordering::Relaxed)),
            |full| full.word(segment::THREAD).load(Ordering::Relaxed),
        );
        // A segment that was split has any length, and the file grows by whole pages.
        let len = full.map_or(0, |full| (full.len() * 2).next_multiple_of(PAGE));
        let len = len.clamp(FIRST_SEGMENT, LARGEST_SEGMENT);
        let taken = self.locked(|growth| growth.take(len));
        match taken {
            Ok((segment, sequence)) => {
                segment.assign(thread, sequence, self.epoch(), full);
                if let Some(full) = full {
                    full.leave();
                }
                set_own_segment(Some(segment));
                Some(segment)
            }
            Err(error) => {
                self.stop(error);
                None
            }
        }
    }

    /// Ends the recording for good; the file's head says why.
    fn stop(&self, error: c_int) {
        self.locked(|growth| {
            self.epoch.store(0, Ordering::Relaxed);
            self.phase.store(STOPPED, Ordering::Relaxed);
            if let Some(head) = NonNull::new(growth.head) {
                // SAFETY: the head is mapped for as long as the process lives, and a page long.
                let word = unsafe { head.add(head::STOPPED).as_ref() };
                // Relaxed: read after the process has ended.
                word.store(error as u64, Ordering::Relaxed);
            }
        });
        set_own_segment(None);
    }

    /// Starts the recording if the environment asks for it.
    ///
    /// Its frame is large, so it must not be part of its caller's: that is on every thread's stack,
    /// which may be as small as 16 KiB.
    #[inline(never)]
    fn start(&self) {
        // Acquire on success: pairs with the Release stores below of a start that was put off.
        let elected =
            self.phase
                .compare_exchange(FRESH, STARTING, Ordering::Acquire, Ordering::Relaxed);
        if elected.is_err() {
            return;
        }
        // After a fork this is still the parent's.
        set_own_segment(None);
        // SAFETY: invariant 2: this thread set STARTING and ends it below.
        let growth = unsafe { &mut *self.growth.get() };
        let phase = match wanted_folder() {
            Wanted::TooEarly => FRESH,
            Wanted::No => STOPPED,
            Wanted::In(folder) => {
                let start_ns = sys::clock_ns(sys::CLOCK_MONOTONIC).max(1);
                match growth.create(folder, start_ns) {
                    Ok(()) => {
                        let (sample, depth) = (growth.orders.sample(), growth.orders.depth());
                        self.sample_bytes.store(sample, Ordering::Relaxed);
                        self.depth.store(depth as u32, Ordering::Relaxed);
                        self.epoch.store(start_ns, Ordering::Relaxed);
                        RECORDING
                    }
                    Err(_) => STOPPED,
                }
            }
        };
        // Release: pairs with the Acquire loads in `next_segment` and above.
        self.phase.store(phase, Ordering::Release);
    }

    /// Runs `change` with the lock held. Signals of this thread are held back by the caller.
    pub(crate) fn locked<R>(&self, change: impl FnOnce(&mut Growth) -> R) -> R {
        // Acquire: pairs with the Release store below, of the previous holder.
        while self
            .lock
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: the call has no preconditions.
            unsafe { sys::sched_yield() };
        }
        // SAFETY: invariant 2: the lock is held.
        let result = change(unsafe { &mut *self.growth.get() });
        self.lock.store(0, Ordering::Release);
        result
    }
}

impl Growth {
    /// Makes the file of a recording in `folder`.
    fn create(&mut self, folder: &CStr, start_ns: u64) -> Result<(), c_int> {
        self.orders = Orders::in_folder(folder);
        if !self.orders.are_for_child_of(file::parent()) {
            return Err(sys::ESRCH);
        }
        if (self.orders.sample() != 0 && !sample::set_up())
            || (self.orders.depth() != 0 && !stacks::set_up())
        {
            return Err(sys::ENOMEM);
        }
        exec::remember();
        self.path = Path::of_spool(folder, start_ns).ok_or(sys::ENAMETOOLONG)?;
        let orders = [
            (head::SAMPLE, self.orders.sample()),
            (head::DEPTH, self.orders.depth() as u64),
        ];
        let (head, end) = file::create(&self.path, start_ns, orders)?;
        (self.head, self.end, self.sequence) = (head, end, 0);
        (self.spare, self.sites) = (None, None);
        Ok(())
    }

    /// Appends an entry to the call sites.
    pub(crate) fn write_site(&mut self, words: &[u64]) -> Result<(), c_int> {
        if self.sites.is_some_and(|segment| segment.append_all(words)) {
            return Ok(());
        }
        let (segment, sequence) = self.take(FIRST_SEGMENT)?;
        segment.assign(SITES, sequence, 0, None);
        // The full one stays mapped: it may have been split, and there are few.
        self.sites = Some(segment);
        if segment.append_all(words) {
            Ok(())
        } else {
            // A rest of an ended thread's segment that is too small for a long path.
            Err(sys::ENOMEM)
        }
    }

    /// A segment that is nobody's, of `len` bytes if it is a new one, and its sequence number.
    fn take(&mut self, len: u64) -> Result<(Segment, u64), c_int> {
        let segment = match self.spare {
            Some(spare) => {
                self.spare = spare.unlink();
                spare
            }
            None => {
                let len = self.orders.admit(len).ok_or(LIMIT_REACHED as c_int)?;
                let memory = file::grow(&self.path, self.end, len)?;
                self.end += len;
                // SAFETY: `grow` mapped `len` bytes for good or until `leave`, for this caller.
                unsafe { Segment::create(memory, len) }
            }
        };
        self.sequence += 1;
        Ok((segment, self.sequence))
    }
}

/// What the environment says about recording.
enum Wanted {
    /// The C library does not know its environment yet.
    TooEarly,
    No,
    In(&'static CStr),
}

fn wanted_folder() -> Wanted {
    // SAFETY: the C library's variable is a plain pointer that only the program's start sets
    // from null.
    if unsafe { sys::environ }.is_null() {
        return Wanted::TooEarly;
    }
    const NAME: &CStr = c"FLAGSTONE_SPOOL";
    const _: () = assert!(NAME.count_bytes() == crate::format::SPOOL_VARIABLE.len());
    // SAFETY: the name is a C string; the C library is far enough to have an environment.
    let value: *const c_char = unsafe { sys::getenv(NAME.as_ptr()) };
    if value.is_null() {
        return Wanted::No;
    }
    // SAFETY: an environment variable is a C string; it is copied before anything can change it.
    Wanted::In(unsafe { CStr::from_ptr(value) })
}

/// Makes the state of this process, once. Others meanwhile pass by unrecorded.
#[cold]
pub(crate) fn set_up() -> Option<&'static Process> {
    static ELECTED: AtomicU32 = AtomicU32::new(0);
    // Relaxed: it only elects; PROCESS carries the ordering.
    if ELECTED.swap(1, Ordering::Relaxed) != 0 {
        return Process::current();
    }
    let mut key = PLAIN_KEYS;
    // SAFETY: `key` is valid for the write, and the destructor has the type that is asked for.
    let made = unsafe { sys::pthread_key_create(&raw mut key, Some(thread_exit)) };
    if made != 0 || key >= PLAIN_KEYS {
        return None;
    }
    let page = file::wiped_on_fork(size_of::<Process>())?;
    KEY.store(key, Ordering::Relaxed);
    // Release: publishes the zeroed page and KEY; pairs with the Acquire load in `current`.
    PROCESS.store(page.cast().as_ptr(), Ordering::Release);
    Process::current()
}

/// The segment under the calling thread's key. It may be of a recording before a fork.
#[inline]
fn own_segment() -> Option<Segment> {
    // SAFETY: KEY is a key that `set_up` made before it published PROCESS.
    let value = unsafe { sys::pthread_getspecific(KEY.load(Ordering::Relaxed)) };
    // SAFETY: only `set_own_segment` sets values.
    NonNull::new(value).map(|value| unsafe { Segment::from_value(value) })
}

fn set_own_segment(segment: Option<Segment>) {
    let value = segment.map_or(ptr::null(), Segment::into_value);
    // SAFETY: as in `own_segment`. The key is a plain one, so the call cannot fail or allocate.
    unsafe { sys::pthread_setspecific(KEY.load(Ordering::Relaxed), value) };
}

/// Called when a thread ends and has a segment: leaves the rest of it to threads to come.
///
/// The thread may still allocate and free, in destructors of other keys. So it keeps its segment
/// with a few records of room, and sets its value again (the C library asks at most four times).
unsafe extern "C" fn thread_exit(value: *mut c_void) {
    let Some(value) = NonNull::new(value) else {
        return;
    };
    // SAFETY: the value of our key was set by `set_own_segment`.
    set_own_segment(Some(unsafe { Segment::from_value(value) }));
    let Some(process) = Process::current() else {
        return;
    };
    let Some(segment) = process.own_segment() else {
        return;
    };
    let _undisturbed = Undisturbed::begin();
    process.locked(|growth| {
        if let Some(rest) = segment.split(KEPT_AT_EXIT, LEAST_REST) {
            rest.link(growth.spare);
            growth.spare = Some(rest);
        }
    });
}
