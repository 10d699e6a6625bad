//! Storages on top of each other.
#![forbid(unsafe_code)]

use crate::raw::region::Storage;
use core::mem;

/// Storages that nobody has, last in first out; each holds the next, so it needs no memory.
#[derive(Default)]
pub(super) struct Stack {
    top: Option<Storage>,
    len: u32,
}

impl Stack {
    #[inline(always)]
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    #[inline(always)]
    pub(super) fn push(&mut self, mut storage: Storage) {
        storage.hang(self.top.take());
        place(&mut self.top, Some(storage));
        self.len += 1;
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<Storage> {
        let mut top = self.top.take()?;
        place(&mut self.top, top.unhang());
        self.len -= 1;
        Some(top)
    }

    /// What was pushed last.
    pub(super) fn top(&self) -> Option<&Storage> {
        self.top.as_ref()
    }

    /// Bytes in it, if all have the same size.
    pub(super) fn bytes(&self) -> usize {
        self.top
            .as_ref()
            .map_or(0, |top| top.len() as usize * self.len as usize)
    }

    /// All of it.
    pub(super) fn take(&mut self) -> Self {
        mem::take(self)
    }
}

/// Puts something where nothing is, which the compiler need not find out.
#[inline(always)]
fn place(to: &mut Option<Storage>, what: Option<Storage>) {
    let nothing = mem::replace(to, what);
    debug_assert!(nothing.is_none());
    mem::forget(nothing);
}
