//! Where an index keeps its words: owned, borrowed or inline.

/// A run of `W`s whose length and place do not change between calls: sealed, because the
/// structures of this room rely on it.
pub trait Storage<W>: sealed::Sealed {
    /// The words.
    fn words(&self) -> &[W];
    /// The words, to be changed.
    fn words_mut(&mut self) -> &mut [W];

    /// Makes it `len` words, those that exist unchanged and the new ones 0; `false` (and no change)
    /// when it cannot.
    fn grow(&mut self, len: usize) -> bool {
        let _ = len;
        false
    }
}

/// Boxed words when the `alloc` feature is on. Without it there is no default: name a borrowed
/// slice or an array.
#[cfg(feature = "alloc")]
pub type DefaultStorage<W> = alloc::boxed::Box<[W]>;

/// There is no default storage without the `alloc` feature: name a borrowed slice or an array.
#[cfg(not(feature = "alloc"))]
pub type DefaultStorage<W> = [W; 0];

#[cfg(feature = "alloc")]
impl<W: Copy + Default> Storage<W> for alloc::boxed::Box<[W]> {
    #[inline]
    fn words(&self) -> &[W] {
        self
    }
    #[inline]
    fn words_mut(&mut self) -> &mut [W] {
        self
    }

    fn grow(&mut self, len: usize) -> bool {
        let mut words = alloc::vec::Vec::new();
        if words.try_reserve_exact(len).is_err() {
            return false;
        }
        words.extend_from_slice(self);
        words.resize(len, W::default());
        *self = words.into_boxed_slice();
        true
    }
}

impl<W> Storage<W> for &mut [W] {
    #[inline]
    fn words(&self) -> &[W] {
        self
    }
    #[inline]
    fn words_mut(&mut self) -> &mut [W] {
        self
    }
}

impl<W, const N: usize> Storage<W> for [W; N] {
    #[inline]
    fn words(&self) -> &[W] {
        self
    }
    #[inline]
    fn words_mut(&mut self) -> &mut [W] {
        self
    }
}

mod sealed {
    pub trait Sealed {}
    #[cfg(feature = "alloc")]
    impl<W> Sealed for alloc::boxed::Box<[W]> {}
    impl<W> Sealed for &mut [W] {}
    impl<W, const N: usize> Sealed for [W; N] {}
}
