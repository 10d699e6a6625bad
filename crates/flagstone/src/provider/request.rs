//! Asking a provider, and checking what it answers.
#![expect(unsafe_code, reason = "gives a wrong chunk back to its provider")]

use core::alloc::Layout;

use super::{Chunk, Provider};
use crate::error::{OutOfMemory, Refusal};

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
    let (address, len) = (chunk.ptr.as_ptr().addr(), chunk.ptr.len());
    let refusal = if len < layout.size() {
        Refusal::Short(len)
    } else if !address.is_multiple_of(layout.align()) {
        Refusal::Misaligned(address)
    } else {
        return Ok(chunk);
    };
    // SAFETY: the provider has just given this pointer for this layout, and nothing used it.
    unsafe { provider.free(chunk.ptr.cast(), layout) }; // USER CODE
    Err(OutOfMemory::because(layout, refusal))
}
