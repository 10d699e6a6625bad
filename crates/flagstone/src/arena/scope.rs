//! A part of an arena's life.
#![expect(
    unsafe_code,
    reason = "takes back what the scope handed out when it is closed"
)]

use core::{fmt, ops::Deref, ptr};

use super::Arena;
use crate::{
    error::{AllocError, Cause},
    provider::Provider,
    raw::{PutBack, bump::Mark},
};

/// An arena inside an arena: what it hands out is freed when it is dropped.
///
/// It has taken the memory of the arena it belongs to, which can allocate again when the scope is
/// closed. It is used as an [`Arena`]; scopes may be nested, and a function that takes `&Arena` can
/// open one whoever calls it.
///
/// ```
/// use flagstone::Arena;
///
/// fn longest<'a>(arena: &Arena, words: &[&'a str]) -> &'a str {
///     let scratch = arena.scope();
///     let lengths = scratch.alloc_slice_iter(words.iter().map(|word| word.len()));
///     let most = lengths.iter().max().unwrap();
///     words.iter().find(|word| word.len() == *most).unwrap()
/// } // the lengths are gone
///
/// let arena = Arena::new();
/// assert_eq!(longest(&arena, &["slab", "provider", "slot"]), "provider");
/// assert_eq!(arena.usage().allocated, 0);
/// ```
///
/// A reference does not outlive its scope:
///
/// ```compile_fail,E0505
/// let arena = flagstone::Arena::new();
/// let scope = arena.scope();
/// let inner = scope.alloc(1);
/// drop(scope);
/// *inner = 2;
/// ```
///
/// A scope that is forgotten keeps the memory and the arena claimed; a
/// [`reset`](Arena::reset) makes the arena usable again, with new memory.
///
/// # Invariants
///
/// 1. `inner` holds what was claimed from `outer`, which stays claimed as long as the scope lives.
/// 2. What lay in the arena when the scope was opened lies below `mark`.
pub struct ArenaScope<'a, P: Provider, const MIN_ALIGN: usize = 8> {
    inner: Arena<P, MIN_ALIGN>,
    outer: &'a Arena<P, MIN_ALIGN>,
    mark: Mark,
}

impl<P: Provider, const MIN_ALIGN: usize> Arena<P, MIN_ALIGN> {
    /// Opens a scope, which has the arena's memory until it is dropped: until then
    /// this arena refuses to allocate, also for a `Vec` that lives in it. O(1).
    ///
    /// # Panics
    ///
    /// When a scope is open already.
    #[must_use]
    #[track_caller]
    pub fn scope(&self) -> ArenaScope<'_, P, MIN_ALIGN> {
        match self.try_scope() {
            Ok(scope) => scope,
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a scope.
    ///
    /// # Errors
    ///
    /// When a scope is open already.
    pub fn try_scope(&self) -> Result<ArenaScope<'_, P, MIN_ALIGN>, AllocError> {
        let (bump, mark) = self
            .bump
            .claim()
            .ok_or(AllocError::new((), Cause::claimed()))?;
        // SAFETY: the scope borrows `self`, and lends its arena to nobody by value or `&mut`.
        let inner = unsafe { Self::inside(self, bump) };
        Ok(ArenaScope {
            inner,
            outer: self,
            mark,
        })
    }

    /// Calls `work` with a scope, and closes it.
    ///
    /// ```
    /// let arena = flagstone::Arena::new();
    /// let sum = arena.scoped(|scratch| scratch.alloc_slice_iter(1..=10).iter().sum::<u32>());
    /// assert_eq!((sum, arena.usage().allocated), (55, 0));
    /// ```
    ///
    /// # Panics
    ///
    /// When a scope is open already, and when `work` does; the scope is closed all the same.
    #[track_caller]
    pub fn scoped<R>(&self, work: impl FnOnce(&Self) -> R) -> R {
        let scope = self.scope();
        work(&scope) // USER CODE
    }
}

impl<P: Provider, const MIN_ALIGN: usize> Deref for ArenaScope<'_, P, MIN_ALIGN> {
    type Target = Arena<P, MIN_ALIGN>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl<P: Provider, const MIN_ALIGN: usize> Drop for ArenaScope<'_, P, MIN_ALIGN> {
    fn drop(&mut self) {
        let (inner, outer, mark) = (&self.inner, self.outer, self.mark);
        let _close = PutBack::new(|| {
            // SAFETY: invariants 1 and 2; nothing borrowed from the scope is left.
            unsafe { inner.bump.rewind(mark) };
            // Each has its own limit.
            let limit = outer.bump.limit();
            inner.bump.hand_over(&outer.bump);
            outer.bump.set_limit(limit);
        });
        // SAFETY: placed in this scope, from which nothing is borrowed any more.
        unsafe { inner.kept.finish_until(ptr::null_mut()) };
    }
}

impl<P: Provider, const MIN_ALIGN: usize> fmt::Debug for ArenaScope<'_, P, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ArenaScope").field(&self.inner).finish()
    }
}
