//! What a program that knows how long its objects live would tell its allocator.
#![expect(
    unsafe_code,
    reason = "the calls of an allocator are unsafe, and so is implementing them"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::num::NonZeroU16;

/// What is known beforehand about the life of an object.
///
/// It is the same in all calls about one object, but for [`ends_group`](Self::ends_group). Small
/// enough for a register, because it comes with every call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    group: Option<NonZeroU16>,
    ends_group: bool,
}

impl Lifetime {
    /// Of a group, which is one of fewer than 2¹⁶ - 1.
    pub(super) fn in_group(group: u16) -> Self {
        Self {
            group: NonZeroU16::new(group + 1),
            ends_group: false,
        }
    }

    /// The same, of the last object of its group.
    pub(super) fn ending_group(self) -> Self {
        Self {
            ends_group: true,
            ..self
        }
    }

    /// The group of objects that die together with this one, or `None` if there are none or it is
    /// not known.
    ///
    /// Groups are numbered from 0. A number comes back: when a group has ended, the next objects
    /// that bear it are a new one.
    #[must_use]
    #[inline]
    pub fn group(self) -> Option<usize> {
        self.group.map(|group| usize::from(group.get()) - 1)
    }

    /// Of a call that frees: whether this is the last object of its group, so that none is live
    /// afterwards.
    ///
    /// Whoever frees a group at once does it here. A group may have no live object at other times
    /// too, when it goes on.
    #[must_use]
    #[inline]
    pub fn ends_group(self) -> bool {
        self.ends_group
    }
}

/// An allocator that is told the lifetimes of objects.
///
/// The calls are those of [`GlobalAlloc`], and each implementation of that is one of this which
/// does not listen. A contender that listens is played by
/// [`Alone::play_with_lifetimes`](super::Alone::play_with_lifetimes) and [`Shared::play_with_lifetimes`](super::Shared::play_with_lifetimes)
/// and says so with [`Contender::wants_lifetimes`](super::Contender::wants_lifetimes).
///
/// # Safety
///
/// The implementor promises what that of a [`GlobalAlloc`] does, to a caller that keeps the
/// promises of the methods.
pub unsafe trait LifetimeAlloc {
    /// Allocates an object.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::alloc`]; and as long as the allocator exists, of all calls that name
    /// this group each has returned before the next one begins.
    unsafe fn alloc_for(&self, layout: Layout, lifetime: Lifetime) -> *mut u8;

    /// Allocates an object of zeros.
    ///
    /// # Safety
    ///
    /// As for [`alloc_for`](Self::alloc_for).
    unsafe fn alloc_zeroed_for(&self, layout: Layout, lifetime: Lifetime) -> *mut u8;

    /// Resizes an object.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::realloc`] and for [`alloc_for`](Self::alloc_for); the object was allocated in
    /// the same group.
    unsafe fn realloc_for(
        &self,
        object: *mut u8,
        layout: Layout,
        size: usize,
        lifetime: Lifetime,
    ) -> *mut u8;

    /// Frees an object.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::dealloc`] and for [`alloc_for`](Self::alloc_for); the object was allocated in
    /// the same group, and if it ends the group, all other objects of the group were freed.
    unsafe fn dealloc_for(&self, object: *mut u8, layout: Layout, lifetime: Lifetime);
}

// SAFETY: those of the other trait, to a caller that promises more.
unsafe impl<A: GlobalAlloc> LifetimeAlloc for A {
    #[inline]
    unsafe fn alloc_for(&self, layout: Layout, _: Lifetime) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed_for(&self, layout: Layout, _: Lifetime) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc_for(
        &self,
        object: *mut u8,
        layout: Layout,
        size: usize,
        _: Lifetime,
    ) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.realloc(object, layout, size) }
    }

    #[inline]
    unsafe fn dealloc_for(&self, object: *mut u8, layout: Layout, _: Lifetime) {
        // SAFETY: the caller's promise.
        unsafe { self.dealloc(object, layout) }
    }
}
