//! Where the arenas get their chunks.
#![expect(unsafe_code, reason = "implements Provider")]

use std::alloc::Layout;
use std::ptr::NonNull;

use flagstone::OutOfMemory;
use flagstone::provider::{Chunk, Global, Provider};

#[cfg(not(unix))]
use Global as Pages;
#[cfg(unix)]
use flagstone::provider::OsPages as Pages;

/// Bytes from which on the C library gets a request from the system by itself, until it changes
/// its mind.
const LARGE: usize = 128 * 1024;

/// Small chunks from the global allocator, large ones from the system.
///
/// The C library does the same, but it draws a conclusion: when a large request is freed, it stops
/// giving memory back so soon (`M_TRIM_THRESHOLD` in mallopt(3)). The conclusion holds for all
/// objects, and one large chunk of an arena changed the time of those that are in no arena: a
/// recording whose time is nearly all giving memory back and getting it again took 5 % of the time,
/// with 6 % of its bytes in arenas. The system's allocator takes 5 % as well if it is told so, and
/// then the arenas gain nothing. So what the contenders share is kept as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunks;

// SAFETY: the two providers keep the contract, and which of them serves a layout follows from it.
unsafe impl Provider for Chunks {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        if layout.size() < LARGE {
            Global.alloc(layout)
        } else {
            Pages.alloc(layout)
        }
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        if layout.size() < LARGE {
            // SAFETY: the caller's promise; allocated with this layout, hence by this provider.
            unsafe { Global.free(ptr, layout) };
        } else {
            // SAFETY: as above.
            unsafe { Pages.free(ptr, layout) };
        }
    }
}
