//! What a door can do, as the checks see it.
#![expect(unsafe_code, reason = "has unsafe doors among the others")]

use std::{iter, ops::DerefMut, ptr::NonNull};

use flagstone::AllocError;

/// Places values and hands out handles: what every door does.
pub trait Door {
    /// What is placed.
    type Value;
    /// What the caller holds.
    type Handle<'d>: DerefMut<Target = Self::Value>
    where
        Self: 'd;

    /// Places `value`.
    ///
    /// # Errors
    ///
    /// Gives `value` back when there is no room.
    fn alloc(&self, value: Self::Value) -> Result<Self::Handle<'_>, AllocError<Self::Value>>;

    /// Places what `make` returns.
    ///
    /// # Errors
    ///
    /// When there is no room; `make` is not called then.
    fn alloc_with(
        &self,
        make: impl FnOnce() -> Self::Value,
    ) -> Result<Self::Handle<'_>, AllocError>;
}

/// Knows how many slots there are.
pub trait Counted {
    /// Slots, in use or not.
    fn capacity(&self) -> usize;
    /// Slots in use.
    fn in_use(&self) -> usize;
    /// Free slots.
    fn available(&self) -> usize;
    /// Whether no slot is free.
    fn is_full(&self) -> bool;
    /// Whether no slot is in use.
    fn is_empty(&self) -> bool;
}

/// Gives values back, and handles up.
pub trait Unwrap: Door {
    /// Moves the value out.
    fn into_inner(handle: Self::Handle<'_>) -> Self::Value;

    /// Gives the handle up and keeps the value in its slot.
    fn into_raw(handle: Self::Handle<'_>) -> NonNull<Self::Value>;

    /// Makes a handle from what `into_raw` returned.
    ///
    /// # Safety
    ///
    /// It came from this door, and no handle was made from it since.
    unsafe fn adopt(&self, value: NonNull<Self::Value>) -> Self::Handle<'_>;
}

/// Hands out empty slots.
pub trait InPlace: Door {
    /// What the caller holds.
    type Vacant<'d>
    where
        Self: 'd;

    /// An empty slot.
    ///
    /// # Errors
    ///
    /// When there is no room.
    fn alloc_uninit(&self) -> Result<Self::Vacant<'_>, AllocError>;

    /// Fills it.
    fn write<'d>(vacant: Self::Vacant<'d>, value: Self::Value) -> Self::Handle<'d>
    where
        Self: 'd;
}

/// Makes values itself.
pub trait Initializes: Door {
    /// Places a value of the configured initializer.
    ///
    /// # Errors
    ///
    /// When there is no room, or no initializer.
    ///
    /// # Panics
    ///
    /// Without a body of its own: the suite of a pool that has no such door leaves out the checks
    /// that use it.
    fn alloc_init(&self) -> Result<Self::Handle<'_>, AllocError> {
        unreachable!(
            "this kind of pool makes no values: a check that asks for one is not in its suite"
        )
    }
}

/// Finds the values that no handle owns any more.
///
/// A pool that can only clear needs no more than that; it is walked where nothing is in use.
pub trait Walk: Door + Counted {
    /// References to them.
    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Self::Value>
    where
        Self::Value: Unpin,
    {
        assert!(self.is_empty(), "this kind of pool is not walked");
        iter::empty()
    }

    /// Moves them out.
    fn drain(&mut self) -> impl Iterator<Item = Self::Value>
    where
        Self::Value: Unpin,
    {
        assert!(self.is_empty(), "this kind of pool is not walked");
        iter::empty()
    }

    /// Drops them.
    fn clear(&mut self);
}

/// All that a pool can do.
pub trait Pool: Door + Counted + Unwrap + InPlace + Initializes + Walk {}

impl<D: Door + Counted + Unwrap + InPlace + Initializes + Walk> Pool for D {}
