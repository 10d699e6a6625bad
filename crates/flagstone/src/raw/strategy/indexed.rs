//! Numbers from an index allocator.

use core::{
    cell::{Cell, UnsafeCell},
    fmt,
    ptr::NonNull,
};

use super::{
    CheckedStrategy, Cursor, Strategy,
    sealed::{Attach, Machine},
};
use crate::{
    corruption::report,
    index::{IndexAllocator, trust::Token},
    raw::{Run, bits::Bits},
};

/// Slots are chosen by `I`: [`Stack`](crate::index::Stack), [`FreeList`](crate::index::FreeList),
/// [`Bitmap`](crate::index::Bitmap) or your own [`IndexAllocator`].
///
/// Free slots hold nothing of the pool's, so slots may be one byte wide. Your own allocator is not
/// believed: the pool keeps a bit per slot, panics when it is handed a number that is in use or out
/// of range, and refuses to be re-entered from inside it.
///
/// # Invariants
///
/// 1. `index` is borrowed only inside a call of this type: for the trusted types of the index room,
///    which call nobody else's code, or while `busy` is set.
/// 2. Without trust, bit `n` of `taken` is set exactly when slot `n` is taken.
pub struct Indexed<I> {
    index: UnsafeCell<I>,
    busy: Cell<bool>,
    taken: Bits,
}

impl<I: IndexAllocator> Indexed<I> {
    /// Slots chosen by `index`, all of whose numbers are free.
    pub const fn new(index: I) -> Self {
        Self {
            index: UnsafeCell::new(index),
            busy: Cell::new(false),
            taken: Bits::none(),
        }
    }

    const TRUSTED: bool = I::TRUST.is_self_checking();

    /// Calls into `I`; `None` when this happens inside another such call.
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut I) -> R) -> Option<R> {
        if Self::TRUSTED {
            // SAFETY: invariant 1: no other borrow exists, and `f` calls nobody else's code.
            return Some(f(unsafe { &mut *self.index.get() }));
        }
        if self.busy.replace(true) {
            return None;
        }
        let _free = NotBusy(&self.busy);
        // SAFETY: invariant 1: `busy` was clear, so no other borrow exists, and is set until `f`
        // has returned or unwound.
        Some(f(unsafe { &mut *self.index.get() })) // USER CODE
    }

    fn is_in_use(&self, index: usize) -> bool {
        if Self::TRUSTED {
            self.with(|i| i.is_in_use(index, Token(())))
                .unwrap_or(false)
        } else {
            self.taken.contains(index)
        }
    }
}

struct NotBusy<'a>(&'a Cell<bool>);

impl Drop for NotBusy<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

#[cold]
#[inline(never)]
fn lied(index: usize, capacity: usize) -> ! {
    panic!(
        "the index allocator handed out {index}, which is in use or not below the capacity of {capacity} slots"
    )
}

#[cold]
#[inline(never)]
fn reentered() -> ! {
    panic!("a handle was dropped inside a call of its pool's own index allocator")
}

impl<I> fmt::Debug for Indexed<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The index itself may be borrowed at this moment.
        f.debug_struct("Indexed").finish_non_exhaustive()
    }
}

impl<I: IndexAllocator> Strategy for Indexed<I> {}
impl<I: IndexAllocator> CheckedStrategy for Indexed<I> {}

// SAFETY: `take` returns a slot whose number was not in use: by the checks of a trusted type, or by
// the bit that invariant 2 keeps.
unsafe impl<I: IndexAllocator> Machine for Indexed<I> {
    const LINKED: bool = false;

    fn numbers(&self) -> Option<(usize, usize)> {
        self.with(|index| {
            let capacity = index.capacity();
            // Others may say what they like: the pool's own bits are clear.
            let free = if Self::TRUSTED {
                index.available()
            } else {
                capacity
            };
            (capacity, free)
        })
    }

    fn bits(&self, capacity: usize) -> usize {
        if Self::TRUSTED { 0 } else { capacity }
    }

    unsafe fn attach<T>(&mut self, _run: &Run<T>, memory: Attach) {
        if !Self::TRUSTED {
            // SAFETY: `bits` asked for these words; they are ours by the caller's promise.
            self.taken = unsafe { Bits::new(memory.words, memory.word_count, memory.zeroed) };
        }
    }

    #[inline]
    fn take<T>(&self, run: &Run<T>) -> Option<NonNull<u8>> {
        let index = self.with(I::allocate)??;
        let slot = run
            .slot(index)
            .unwrap_or_else(|| lied(index, run.capacity()));
        if !Self::TRUSTED && !self.taken.insert(index) {
            lied(index, run.capacity());
        }
        crate::corruption::hooks::slot_opened(slot, run.stride());
        crate::corruption::hooks::slot_taken(slot, run.stride());
        Some(slot)
    }

    #[inline]
    unsafe fn put<T>(&self, run: &Run<T>, slot: NonNull<u8>) {
        let index = run.index_of::<Self>(slot);
        let taken = if Self::TRUSTED {
            self.is_in_use(index)
        } else {
            self.taken.remove(index)
        };
        if !taken {
            report(run.untaken(slot));
        }
        crate::corruption::hooks::slot_put(slot, run.stride());
        if self.with(|i| i.free(index)).is_none() {
            reentered();
        }
    }

    fn in_use<T>(&self, run: &Run<T>) -> usize {
        if Self::TRUSTED {
            self.with(|i| run.capacity() - i.available()).unwrap_or(0)
        } else {
            self.taken.count()
        }
    }

    fn available<T>(&self, run: &Run<T>) -> usize {
        let free = run.capacity() - self.in_use(run);
        self.with(|i| i.available())
            .map_or(0, |said| said.min(free))
    }

    fn is_taken(&self, index: usize) -> Option<bool> {
        Some(self.is_in_use(index))
    }

    fn walk<T>(&mut self, _run: &Run<T>) -> Cursor {
        Cursor::Index(0)
    }

    fn next_taken<T>(&self, run: &Run<T>, cursor: &mut Cursor) -> Option<NonNull<u8>> {
        super::next_index(run, cursor, |index| self.is_in_use(index))
    }
}
