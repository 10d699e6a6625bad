//! Which slot of a contiguous run is free: the strategies of a fixed pool.

mod checked;
mod indexed;
mod intrusive;

use core::ptr::NonNull;

pub use checked::Checked;
pub use indexed::Indexed;
pub use intrusive::Intrusive;

use super::{Run, list::ListWalk};
use crate::{corruption::Corruption, error::ConfigError, index::WithCapacity};

/// How a fixed pool knows its free slots. Sealed: choose one of the three.
///
/// | strategy | memory per slot | frees checked | order |
/// |---|---|---|---|
/// | [`Intrusive`] | none; slots are at least 8 bytes wide | in debug builds | last freed first |
/// | [`Checked<S>`](Checked) | 1 bit more than `S` | always | as `S` |
/// | [`Indexed<I>`](Indexed) | as `I`; 1 bit more for your own | always | as `I` |
#[expect(private_bounds, reason = "sealed: nobody else calls or implements it")]
pub trait Strategy: sealed::Machine {}

/// A strategy that keeps a bit per slot, so that indices and pointers from outside can be checked
/// in release builds too.
pub trait CheckedStrategy: Strategy {}

pub(crate) use sealed::Attach;

/// A strategy that can be made from a capacity alone.
pub trait FromCapacity: Strategy + Sized {
    /// A strategy for `capacity` slots, all free.
    ///
    /// # Errors
    ///
    /// When it cannot number that many slots.
    fn from_capacity(capacity: usize) -> Result<Self, ConfigError>;
}

impl FromCapacity for Intrusive {
    fn from_capacity(_capacity: usize) -> Result<Self, ConfigError> {
        Ok(Self::default())
    }
}

impl<S: FromCapacity> FromCapacity for Checked<S> {
    fn from_capacity(capacity: usize) -> Result<Self, ConfigError> {
        S::from_capacity(capacity).map(Self::new)
    }
}

impl<I: WithCapacity> FromCapacity for Indexed<I> {
    fn from_capacity(capacity: usize) -> Result<Self, ConfigError> {
        I::with_capacity(capacity).map(Self::new)
    }
}

mod sealed {
    use super::{Corruption, Cursor, NonNull, Run};

    /// What a strategy is built over.
    pub(crate) struct Attach {
        /// The words behind the slots, as many as `bits` asked for.
        pub(crate) words: NonNull<u64>,
        pub(crate) word_count: usize,
        /// Whether they are 0.
        pub(crate) zeroed: bool,
    }

    /// The calls behind a [`Strategy`](super::Strategy).
    ///
    /// # Safety
    ///
    /// The implementor promises: `take` returns a slot of the run that was not taken, or was put
    /// back since; nothing else writes to slots that are taken.
    pub(crate) unsafe trait Machine: Sized {
        /// Whether free slots hold a link.
        const LINKED: bool;

        /// How many numbers the strategy brings along, and how many of them are free, if it brings
        /// any: a pool needs as many slots, and all of them free.
        fn numbers(&self) -> Option<(usize, usize)> {
            None
        }

        /// Bits wanted behind the slots.
        fn bits(&self, capacity: usize) -> usize;

        /// Starts to manage `run`, all of whose slots are free.
        ///
        /// # Safety
        ///
        /// The slots and the words are the strategy's alone, for as long as it is used.
        unsafe fn attach<T>(&mut self, run: &Run<T>, memory: Attach);

        /// A free slot, now the caller's.
        fn take<T>(&self, run: &Run<T>) -> Option<NonNull<u8>>;

        /// Takes a slot back.
        ///
        /// # Safety
        ///
        /// `slot` came from `take` with the same run, is the caller's and not used any more.
        unsafe fn put<T>(&self, run: &Run<T>, slot: NonNull<u8>);

        /// How many slots are taken.
        fn in_use<T>(&self, run: &Run<T>) -> usize;

        /// How many slots `take` can still hand out.
        fn available<T>(&self, run: &Run<T>) -> usize {
            run.capacity() - self.in_use(run)
        }

        /// Whether slot `index` is taken; `None` when that is not known.
        fn is_taken(&self, index: usize) -> Option<bool>;

        /// What is wrong with taking `slot` back, as far as can be told without a cost to others:
        /// for debug builds.
        fn suspect<T>(&self, run: &Run<T>, slot: NonNull<u8>) -> Option<Corruption> {
            let address = slot.as_ptr().addr();
            match run.checked_index_of(address) {
                None => Some(Corruption::ForeignPointer { address }),
                Some(index) if self.is_taken(index) == Some(false) => {
                    Some(Corruption::DoubleFree { address })
                }
                Some(_) => None,
            }
        }

        /// Starts a walk over the taken slots.
        fn walk<T>(&mut self, run: &Run<T>) -> Cursor;

        /// The next taken slot. Slots that the walk has passed may be put back meanwhile; none may
        /// be taken.
        fn next_taken<T>(&self, run: &Run<T>, cursor: &mut Cursor) -> Option<NonNull<u8>>;
    }
}

/// How far a walk over the taken slots has come.
#[derive(Debug)]
pub enum Cursor {
    /// Along a sorted list of free slots.
    List(ListWalk),
    /// Along the slot numbers.
    Index(usize),
}

/// The next slot whose number `is_taken` says is taken.
fn next_index<T>(
    run: &Run<T>,
    cursor: &mut Cursor,
    is_taken: impl Fn(usize) -> bool,
) -> Option<NonNull<u8>> {
    let Cursor::Index(at) = cursor else {
        return None;
    };
    while let Some(slot) = run.slot(*at) {
        *at += 1;
        if is_taken(*at - 1) {
            return Some(slot);
        }
    }
    None
}
