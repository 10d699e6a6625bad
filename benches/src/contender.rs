//! What a pool must be able to do to take part.

use std::fmt;

use crate::payload::Payload;

/// On which side a contender runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A hand-written unchecked version of the same mechanism: the least it can cost.
    Floor,
    /// Flagstone.
    Ours,
    /// Another crate, or an allocator.
    Rival,
    /// Not a pool: what the machine could do meanwhile. It is compared with nobody.
    Control,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Floor => "floor",
            Self::Ours => "ours",
            Self::Rival => "rival",
            Self::Control => "control",
        })
    }
}

/// A pool of values, driven the way its own documentation drives it.
///
/// Everything takes `&self`, because handles that borrow their pool rule out `&mut self` while one
/// is out. The calls are inlined into the workloads (`inline(always)` on the adapters): what an
/// adapter would cost as a call is not the contender's.
pub(crate) trait Contender: Sized + 'static {
    /// As the tables and the instruction budget name it: no spaces.
    const NAME: &'static str;
    /// Floor, ours or rival.
    const ROLE: Role;

    /// What it stores.
    type Value: Payload;

    /// What the caller keeps for a stored value.
    type Handle<'p>
    where
        Self: 'p;

    /// A pool with room for `capacity` values before it has to grow, if it can.
    fn with_capacity(capacity: usize) -> Self;

    /// Stores a value.
    fn alloc(&self, value: Self::Value) -> Self::Handle<'_>;

    /// Gives the value's place back: a drop where handles own, a removal where they are keys.
    fn free<'p>(&'p self, handle: Self::Handle<'p>);

    /// The value.
    fn get<'p>(&'p self, handle: &'p Self::Handle<'_>) -> &'p Self::Value;

    /// Makes the optimiser believe that the value is used, without loading anything: a pair of
    /// allocation and free that nobody looks at would be removed altogether.
    fn witness(&self, handle: &Self::Handle<'_>);

    /// Slots this contender adds when it grows; 64 where it has no slabs, or takes the number from
    /// its user.
    fn slots_per_slab() -> usize {
        64
    }
}

/// The answer to a refused allocation: the workloads never ask for more than there is.
#[cold]
#[inline(never)]
pub(crate) fn exhausted() -> ! {
    panic!("a contender refused a value although its capacity was not reached")
}
