//! Where an index that threads share keeps its words.

/// A run of atomic `W`s whose length and places do not change: sealed, because the structures of this
/// room rely on it. Owned in a box, inline in an array, or borrowed as a slice, for example of memory
/// that processes share.
pub trait SharedStorage<W>: sealed::Sealed {
    /// How many words there are.
    fn count(&self) -> usize;

    /// The word at `at`.
    ///
    /// # Panics
    ///
    /// When there are not that many.
    fn word(&self, at: usize) -> &W;
}

#[cfg(feature = "alloc")]
impl<W> SharedStorage<W> for alloc::boxed::Box<[W]> {
    fn count(&self) -> usize {
        self.len()
    }
    #[inline]
    fn word(&self, at: usize) -> &W {
        &self[at]
    }
}

impl<W> SharedStorage<W> for &[W] {
    fn count(&self) -> usize {
        self.len()
    }
    #[inline]
    fn word(&self, at: usize) -> &W {
        &self[at]
    }
}

impl<W, const N: usize> SharedStorage<W> for [W; N] {
    fn count(&self) -> usize {
        N
    }
    #[inline]
    fn word(&self, at: usize) -> &W {
        &self[at]
    }
}

mod sealed {
    pub trait Sealed {}
    #[cfg(feature = "alloc")]
    impl<W> Sealed for alloc::boxed::Box<[W]> {}
    impl<W> Sealed for &[W] {}
    impl<W, const N: usize> Sealed for [W; N] {}
}
