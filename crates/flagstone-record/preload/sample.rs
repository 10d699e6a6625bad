//! Which objects are in a sample.
//!
//! Sample points lie on the bytes that a thread allocates, with exponentially distributed distances:
//! whether a byte is one does not depend on any other byte. An object is in the sample when one of
//! its bytes is a point. Only objects of the sample are recorded, and their frees: a table knows their
//! addresses. Where it has no room, frees are recorded also of objects that are not in the sample. Those
//! cost room and no truth, because the merger knows what is in the sample.

use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::file;
use crate::format::segment;
use crate::segment::Segment;
use crate::sys;

/// Buckets of the table; its memory is used as far as there are objects in it.
const BUCKET_BITS: u32 = 16;

/// One line of the cache.
#[repr(align(64))]
struct Bucket {
    /// Addresses of live objects of the sample, or 0.
    addresses: [AtomicU64; 7],
    /// Not 0 once an address found no room here.
    overflowed: AtomicU64,
}

/// The table: memory that a forked child finds cleared. Null before the first recording.
static TABLE: AtomicPtr<Bucket> = AtomicPtr::new(ptr::null_mut());

/// Makes the table. The caller is the one thread that starts the recording.
pub(crate) fn set_up() -> bool {
    // Relaxed, here and below: threads learn of the recording through `phase`, with its ordering.
    if TABLE.load(Ordering::Relaxed).is_null() {
        let Some(memory) = file::wiped_on_fork(size_of::<Bucket>() << BUCKET_BITS) else {
            return false;
        };
        TABLE.store(memory.cast().as_ptr(), Ordering::Relaxed);
    }
    true
}

/// Whether the object that a thread was just given is in the sample.
#[inline]
pub(crate) fn takes(thread: Segment, every: u64, size: usize, address: *const c_void) -> bool {
    let countdown = thread.word(segment::COUNTDOWN);
    let left = countdown.load(Ordering::Relaxed);
    // An object without bytes counts as one byte, or it would never be seen.
    let size = size.max(1) as u64;
    if size < left {
        countdown.store(left - size, Ordering::Relaxed);
        return false;
    }
    takes_slowly(thread, every, size, left, address)
}

#[cold]
fn takes_slowly(thread: Segment, every: u64, size: u64, left: u64, address: *const c_void) -> bool {
    let countdown = thread.word(segment::COUNTDOWN);
    if left == 0 {
        // The thread's first object: its first point is drawn now.
        let first = distance(thread, every);
        if size < first {
            countdown.store(first - size, Ordering::Relaxed);
            return false;
        }
    }
    // Where in the object the point is does not matter: distances have no memory.
    countdown.store(distance(thread, every), Ordering::Relaxed);
    enter(address);
    true
}

/// Puts an object's address into the table.
fn enter(address: *const c_void) {
    let Some(bucket) = bucket(address) else {
        return;
    };
    let number = address.addr() as u64;
    // Relaxed: whoever frees the object got its address after this.
    let entered = bucket.addresses.iter().any(|place| {
        place
            .compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    });
    if !entered {
        bucket.overflowed.store(1, Ordering::Relaxed);
    }
}

/// Whether what is freed at `address` may be an object of the sample; it is none from now on.
#[inline]
pub(crate) fn gives_up(address: *const c_void) -> bool {
    let Some(bucket) = bucket(address) else {
        return false;
    };
    let number = address.addr() as u64;
    for place in &bucket.addresses {
        if place.load(Ordering::Relaxed) == number {
            place.store(0, Ordering::Relaxed);
            return true;
        }
    }
    bucket.overflowed.load(Ordering::Relaxed) != 0
}

#[inline]
fn bucket(address: *const c_void) -> Option<&'static Bucket> {
    let table = NonNull::new(TABLE.load(Ordering::Relaxed))?;
    let hash = (address.addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BUCKET_BITS);
    // SAFETY: `set_up` mapped that many buckets for good, zeroed, and they are all atomics.
    Some(unsafe { table.add(hash as usize).as_ref() })
}

/// The distance to the next sample point: at least 1, `every` on average.
fn distance(thread: Segment, every: u64) -> u64 {
    let random = random(thread);
    // -ln(u) = ln 2 * -log2(u) of a number u in (0, 1], with 32 bits behind the point.
    const LN_2: u128 = 2_977_044_472;
    let doublings = minus_log2(random);
    let scaled = (u128::from(doublings) * LN_2 * u128::from(every)) >> 64;
    u64::try_from(scaled)
        .unwrap_or(u64::MAX - 1)
        .saturating_add(1)
}

/// `-log2((random + 1) / 2^64)` with 32 bits behind the point: at most 64. No floating point: that
/// would need the mathematics library in every recorded program.
fn minus_log2(random: u64) -> u64 {
    let value = random.max(1);
    let whole = value.ilog2();
    // Between 1 and 2, with 63 bits behind the point; each squaring shows one bit of the logarithm.
    let mut mantissa = value << (63 - whole);
    let mut fraction = 0u64;
    for _ in 0..32 {
        let square = (u128::from(mantissa) * u128::from(mantissa)) >> 63;
        fraction <<= 1;
        mantissa = if square >> 64 != 0 {
            fraction |= 1;
            (square >> 1) as u64
        } else {
            square as u64
        };
    }
    (64 << 32) - ((u64::from(whole) << 32) | fraction)
}

/// The thread's next random number (SplitMix64), from a seed that differs between threads and runs.
fn random(thread: Segment) -> u64 {
    let state = thread.word(segment::RANDOM);
    let mut next = state.load(Ordering::Relaxed);
    if next == 0 {
        let number = thread.word(segment::THREAD).load(Ordering::Relaxed);
        next = sys::clock_ns(sys::CLOCK_MONOTONIC) ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93);
    }
    next = next.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state.store(next, Ordering::Relaxed);
    let mut mixed = next;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
