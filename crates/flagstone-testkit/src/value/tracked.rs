//! A value that is counted.

use std::fmt;

use super::Census;

/// Knows its [`Census`], and notices when its bytes were changed behind its back. `S` gives it a
/// shape: nothing, a [`Page`], a [`Bulk`].
pub struct Tracked<S = ()> {
    census: Census,
    id: u64,
    // The complement of `id` and where the census is: a free slot's link overwrites one or the other,
    // and a census that is none must not be followed.
    seal: (u64, usize),
    shape: S,
}

impl<S: Default> Tracked<S> {
    pub(super) fn new(census: Census, id: u64) -> Self {
        Self {
            seal: (!id, census.address()),
            census,
            id,
            shape: S::default(),
        }
    }
}

impl<S> Tracked<S> {
    /// Which one of its census it is, from 1.
    ///
    /// # Panics
    ///
    /// When the bytes of the value were overwritten.
    #[must_use]
    pub fn id(&self) -> u64 {
        let whole = self.seal == (!self.id, self.census.address());
        assert!(
            whole,
            "a value's bytes were overwritten, or it was dropped before"
        );
        self.id
    }

    /// What gives it its size.
    #[must_use]
    pub fn shape(&self) -> &S {
        &self.shape
    }
}

impl<S> Drop for Tracked<S> {
    fn drop(&mut self) {
        let id = self.id();
        self.census.death(id);
    }
}

impl<S> fmt::Debug for Tracked<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tracked({})", self.id)
    }
}

/// A shape aligned to 4096 bytes.
#[derive(Clone, Debug)]
#[repr(align(4096))]
pub struct Page(pub u8);

impl Default for Page {
    fn default() -> Self {
        Self(0x5A)
    }
}

/// A shape of about two and a half pages.
#[derive(Clone, Debug)]
pub struct Bulk(pub [u8; 10_000]);

impl Default for Bulk {
    fn default() -> Self {
        Self([0xA5; 10_000])
    }
}
