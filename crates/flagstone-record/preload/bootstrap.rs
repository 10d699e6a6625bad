//! A small arena that serves requests while the real functions are being looked up.
//!
//! The look-up itself may allocate. What it gets from here is never recorded and never given back.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

const LEN: usize = 128 * 1024;
/// Bytes in front of each piece, which hold its size.
const HEAD: usize = 16;

#[repr(align(4096))]
struct Arena {
    bytes: UnsafeCell<[u8; LEN]>,
    used: AtomicUsize,
}

// SAFETY: bytes are only reached through pieces, and `used` gives each piece to one caller.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena {
    bytes: UnsafeCell::new([0; LEN]),
    used: AtomicUsize::new(0),
};

/// A zeroed piece of `size` bytes, or null when the arena is used up or the alignment is too large.
#[cold]
pub(crate) fn alloc(size: usize, align: usize) -> *mut c_void {
    let align = align.max(HEAD);
    if size > LEN || align > 4096 {
        return ptr::null_mut();
    }
    let mut start = 0;
    let place = |used: usize| {
        start = (used + HEAD).next_multiple_of(align);
        (start + size <= LEN).then_some(start + size)
    };
    // Relaxed: the number alone decides who owns which bytes.
    if ARENA
        .used
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, place)
        .is_err()
    {
        return ptr::null_mut();
    }
    let base = ARENA.bytes.get().cast::<u8>();
    // SAFETY: `start + size <= LEN`, so the piece is inside the arena; the HEAD bytes before it
    // lie above the previous `used`, so head and piece are this caller's alone; `start` is a
    // multiple of 16, so the size's place is aligned.
    unsafe {
        let piece = base.add(start);
        piece.sub(HEAD).cast::<usize>().write(size);
        piece.cast()
    }
}

/// The size of the piece at `pointer`, or `None` when it is not from the arena.
pub(crate) fn size_of_piece(pointer: *const c_void) -> Option<usize> {
    let offset = pointer.addr().wrapping_sub(ARENA.bytes.get().addr());
    if offset >= LEN {
        return None;
    }
    // SAFETY: programs pass pointers that they were given, and those from the arena have their
    // size HEAD bytes below, written before the pointer was handed out.
    Some(unsafe { pointer.cast::<u8>().sub(HEAD).cast::<usize>().read() })
}
