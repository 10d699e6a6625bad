//! Asking a provider, and checking what it answers.
#![expect(
    unsafe_code,
    reason = "gives wrong chunks back to their provider and passes ranges on to it"
)]

use core::{alloc::Layout, ptr::NonNull};

use super::{Chunk, Provider};
use crate::{
    corruption::{Corruption, report},
    error::{OutOfMemory, Refusal},
};

/// A chunk that really has the size and alignment of `layout`.
///
/// A provider's answers are not believed: one that is too short or misaligned goes back at once.
/// `layout.size()` must not be 0.
pub(crate) fn request<P: Provider>(provider: &P, layout: Layout) -> Result<Chunk, OutOfMemory> {
    debug_assert!(
        layout.size() > 0,
        "nothing is asked of a provider for nothing"
    );
    let chunk = provider.alloc(layout)?; // USER CODE
    match wrong(chunk.ptr, layout) {
        None => Ok(chunk),
        Some(refusal) => Err(refused(provider, chunk.ptr, layout, refusal)),
    }
}

/// Addresses that really are as many and as aligned as `layout` asks; others go back at once.
pub(crate) fn addresses<P: Provider>(
    provider: &P,
    layout: Layout,
) -> Result<NonNull<[u8]>, OutOfMemory> {
    let range = provider.reserve_addresses(layout)?; // USER CODE
    match wrong(range, layout) {
        None => Ok(range),
        Some(refusal) => Err(refused(provider, range, layout, refusal)),
    }
}

/// Memory that really is where it was asked for, and all of it. Anything else is refused, and the
/// range stays what it was for the caller: not committed.
///
/// # Safety
///
/// As for [`Provider::commit`].
pub(crate) unsafe fn memory<P: Provider>(
    provider: &P,
    ptr: NonNull<u8>,
    len: usize,
) -> Result<Chunk, OutOfMemory> {
    // SAFETY: the caller's promise.
    let chunk = unsafe { provider.commit(ptr, len) }?; // USER CODE
    let refused = OutOfMemory::of_bytes(len);
    if chunk.ptr.cast() != ptr {
        let address = chunk.ptr.as_ptr().addr();
        Err(OutOfMemory::because(
            refused.layout(),
            Refusal::Elsewhere(address),
        ))
    } else if chunk.ptr.len() < len {
        Err(OutOfMemory::because(
            refused.layout(),
            Refusal::Short(chunk.ptr.len()),
        ))
    } else {
        Ok(chunk)
    }
}

/// A chunk that was really moved to where `new` fits. After a wrong answer the old chunk is gone and
/// what was in it lies in no usable place, so that is no refusal: the corruption handler is called.
/// If it unwinds, nothing of the old chunk may be touched any more.
///
/// # Safety
///
/// As for [`Provider::remap`].
pub(super) unsafe fn moved<P: Provider>(
    provider: &P,
    ptr: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<Chunk, OutOfMemory> {
    // SAFETY: the caller's promise.
    let chunk = unsafe { provider.remap(ptr, old, new) }?; // USER CODE
    Ok(settled(provider, chunk, new))
}

/// The answer to a `remap` to `new`, if it is one; else see [`moved`].
pub(crate) fn settled<P: Provider>(provider: &P, chunk: Chunk, new: Layout) -> Chunk {
    if wrong(chunk.ptr, new).is_some() {
        let (address, len) = (chunk.ptr.as_ptr().addr(), chunk.ptr.len());
        // SAFETY: the provider has just given this pointer for this layout, and nothing used it.
        unsafe { provider.free(chunk.ptr.cast(), new) }; // USER CODE
        report(Corruption::WrongMove { address, len });
    }
    chunk
}

/// What is wrong with an answer.
fn wrong(range: NonNull<[u8]>, layout: Layout) -> Option<Refusal> {
    let (address, len) = (range.as_ptr().addr(), range.len());
    if len < layout.size() {
        Some(Refusal::Short(len))
    } else if !address.is_multiple_of(layout.align()) {
        Some(Refusal::Misaligned(address))
    } else {
        None
    }
}

/// Gives a wrong answer back.
#[cold]
fn refused<P: Provider>(
    provider: &P,
    range: NonNull<[u8]>,
    layout: Layout,
    refusal: Refusal,
) -> OutOfMemory {
    // SAFETY: the provider has just given this pointer for this layout, and nothing used it.
    unsafe { provider.free(range.cast(), layout) }; // USER CODE
    OutOfMemory::because(layout, refusal)
}
