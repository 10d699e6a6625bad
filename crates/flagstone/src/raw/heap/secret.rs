//! What nobody outside of a heap should know: what links are mixed with, and in which order slots are handed out.

use core::ptr::NonNull;

/// What the links in the free slots of a span are mixed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(usize);

impl Key {
    /// Links stay as they are.
    #[cfg(loom)]
    pub(super) const NONE: Self = Self(0);

    /// A link as it stands in a slot, or what stands there as a link: the same step.
    #[inline(always)]
    pub(super) fn mix(self, link: *mut u8) -> *mut u8 {
        link.map_addr(|address| address ^ self.0)
    }
}

/// What the keys and orders of a heap's spans follow from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Secret {
    /// 0 if links stay as they are.
    pub(super) key: usize,
    /// 0 if slots are handed out in the order of their addresses.
    pub(super) order: usize,
}

impl Secret {
    #[cfg(loom)]
    pub(super) const NONE: Self = Self { key: 0, order: 0 };

    /// The key of the span at `base`.
    pub(super) fn key_of(self, base: NonNull<u8>) -> Key {
        Key(mixed(self.key, base))
    }

    /// The seed of the span at `base`; 0 for the order of addresses.
    pub(super) fn seed_of(self, base: NonNull<u8>) -> u32 {
        if self.order == 0 {
            return 0;
        }
        mixed(self.order, base) as u32 | 1
    }
}

/// Another number for each span; 0 stays 0.
fn mixed(secret: usize, base: NonNull<u8>) -> usize {
    if secret == 0 {
        return 0;
    }
    // The finaliser of S. Vigna's splitmix64, shortened: every bit depends on many.
    let mut mixed = secret ^ base.as_ptr().addr();
    mixed = (mixed ^ (mixed >> (usize::BITS / 2 - 2))).wrapping_mul(MIXER);
    mixed ^ (mixed >> (usize::BITS / 2 - 5))
}

const MIXER: usize = 0xbf58_476d_1ce4_e5b9_u64 as usize;

/// A number that cannot be guessed, where the system has such; not 0.
#[cfg(not(any(loom, shuttle)))]
pub(super) fn random() -> usize {
    let mut random = 0_usize;
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        let place = (&raw mut random).cast();
        // SAFETY: so many bytes can be written there. If it fails, what is below must do.
        let _ = unsafe { libc::getrandom(place, size_of::<usize>(), libc::GRND_NONBLOCK) };
    }
    let time = super::clock::now() as usize;
    // Where the stack lies differs from run to run.
    (random ^ (&raw const random).addr() ^ time.rotate_left(usize::BITS / 2)) | 1
}
