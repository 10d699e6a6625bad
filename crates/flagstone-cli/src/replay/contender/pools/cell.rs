//! What the pools hold.

use std::mem::MaybeUninit;

/// Alignment of every cell in bytes, which is what `malloc` promises.
pub(super) const ALIGN: usize = 16;

/// Room for an object of up to `N` bytes. It needs no value and no destructor, so that a pool of
/// cells does nothing but hand out memory.
#[derive(Debug)]
#[repr(C, align(16))]
pub(super) struct Cell<const N: usize> {
    _bytes: [MaybeUninit<u8>; N],
}
