//! How a slot is returned.

use core::ptr::NonNull;

use super::{Count, Ticket};

/// Knows how a slot goes back to where it came from: what a handle carries beside its pointer, and
/// all that a handle knows of its pool.
///
/// A home is a reference for contiguous pools and zero-sized for slabs, which are found from the
/// slot's address. It knows the type of the values, so handles to `dyn Trait` or to a part of a
/// value can use it unchanged.
///
/// # Safety
///
/// The implementor promises: while the home exists, its pool and the memory of all slots in use
/// stay where they are, and the calls below do what they say whatever panics. If the home is `Send`,
/// its pool's values may be dropped on any thread.
pub unsafe trait Home {
    /// The slot has just received a value: runs the acquire hook. If that panics, the value is
    /// dropped and the slot goes back before the panic continues.
    ///
    /// # Safety
    ///
    /// `slot` is in use, holds a value of the pool's type, and belongs to the caller.
    unsafe fn welcome(&self, slot: NonNull<u8>);

    /// Runs the release hook, drops the value, and gives the slot back, in this order; a later step
    /// happens even if an earlier one panics.
    ///
    /// # Safety
    ///
    /// As for `welcome`; the slot is not used afterwards.
    unsafe fn retire(&self, slot: NonNull<u8>);

    /// Runs the release hook, moves the value to `into`, and gives the slot back. If the hook
    /// panics, the value is dropped and the slot given back before the panic continues.
    ///
    /// # Safety
    ///
    /// As for `retire`; `into` may be written with a value of the pool's type and is aligned for it.
    unsafe fn release(&self, slot: NonNull<u8>, into: NonNull<u8>);

    /// Gives a slot back that was handed out empty and never received a value.
    ///
    /// # Safety
    ///
    /// `slot` was handed out empty to the caller, holds no value, and is not used afterwards.
    unsafe fn vacate(&self, slot: NonNull<u8>);

    /// A slot that was handed out empty holds a value from now on.
    ///
    /// # Safety
    ///
    /// `slot` was handed out empty to the caller and now holds a value of the pool's type.
    unsafe fn occupy(&self, slot: NonNull<u8>);
}

/// A home whose handles point to whole values of one type, so that a value can be moved out through
/// a handle.
///
/// # Safety
///
/// The implementor promises: a handle of a `Value` with this home points to the slot itself, which
/// holds a `Value`.
pub unsafe trait ValueHome: Home {
    /// What a slot holds.
    type Value;
}

/// A home for values that several handles share.
///
/// # Safety
///
/// The implementor promises: `from_root` makes the home again that `into_root` took apart; the
/// tickets stay, and `put_ticket` takes them back, as long as a home of the pool exists.
pub unsafe trait SharedHome: Home + Clone {
    /// How handles are counted.
    type Count: Count;

    /// The home as a pointer that its ticket keeps.
    fn into_root(self) -> NonNull<()>;

    /// The home that such a pointer stands for.
    ///
    /// # Safety
    ///
    /// `root` came from `into_root` of a home of this type, and no home was made of it since.
    unsafe fn from_root(root: NonNull<()>) -> Self;

    /// Ends the life of a ticket, and takes it back.
    ///
    /// # Safety
    ///
    /// `ticket` is one of this home's pool for homes of this type; its count is 0; it is the
    /// caller's alone, and not used again.
    unsafe fn put_ticket(&self, ticket: NonNull<Ticket<Self::Count>>);
}

/// A home whose values may be pinned.
///
/// # Safety
///
/// The implementor promises: from the moment a handle to a value exists, nobody but its owner gets
/// `&mut` to the value or moves it unless its type is `Unpin`, and the value is dropped before its
/// memory is used for anything else, whatever is forgotten. (Hooks get `&mut`; the memory of a
/// forgotten pool in a borrowed region is used again.)
pub unsafe trait PinHome: Home {}
