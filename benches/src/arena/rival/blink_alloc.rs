//! `blink-alloc`: for one thread, and its form for several.
#![expect(unsafe_code, reason = "passes one version of a trait on to another")]

use std::{alloc::Layout, ptr::NonNull};

use allocator_api2_02::alloc::{AllocError, Allocator};
use allocator_api2_04::alloc::Allocator as Allocator04;
use blink_alloc::{Blink, BlinkAlloc, SyncBlinkAlloc};

use crate::{
    arena::bumper::{Bumper, Collections, Rooms, Texts, TryNumbers, Values, WINDOW, drive},
    contender::{Role, exhausted},
    threads::Shared,
};

/// `blink_alloc::Blink`.
pub(crate) struct Blinking(Blink);

impl Bumper for Blinking {
    const NAME: &'static str = "blink-alloc";
    const ROLE: Role = Role::Rival;

    fn fresh(_: usize) -> Self {
        Self(Blink::new())
    }

    #[inline(always)]
    fn reset(&mut self) {
        self.0.reset();
    }
}

impl Values for Blinking {
    #[inline(always)]
    fn value<T: Copy + 'static>(&self, value: T) -> NonNull<T> {
        self.0.put(value).into()
    }
}

impl TryNumbers for Blinking {
    #[inline(always)]
    fn try_number(&self, number: u64) -> Option<NonNull<u64>> {
        let place = self.0.emplace_no_drop().try_value(number);
        place.ok().map(NonNull::from)
    }
}

impl Texts for Blinking {
    #[inline(always)]
    fn text(&self, text: &str) -> NonNull<u8> {
        NonNull::from(self.0.copy_str(text)).cast()
    }
}

impl Rooms for Blinking {
    #[inline(always)]
    fn room(&self, layout: Layout) -> NonNull<u8> {
        let room = self.0.allocator().allocate(layout);
        room.unwrap_or_else(|_| exhausted()).cast()
    }
}

impl Collections for Blinking {
    type Allocator<'a> = Passed<'a>;

    #[inline(always)]
    fn allocator(&self) -> Passed<'_> {
        Passed(self.0.allocator())
    }
}

/// Its allocator, which implements version 0.4 of the trait, under version 0.2.
#[derive(Clone, Copy)]
pub(crate) struct Passed<'a>(&'a BlinkAlloc);

// SAFETY: passes every call on.
unsafe impl Allocator for Passed<'_> {
    #[inline(always)]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Allocator04::allocate(self.0, layout).map_err(|_| AllocError)
    }

    #[inline(always)]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { Allocator04::deallocate(self.0, block, layout) };
    }

    #[inline(always)]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise.
        unsafe { Allocator04::grow(self.0, block, old, new) }.map_err(|_| AllocError)
    }

    #[inline(always)]
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise.
        unsafe { Allocator04::shrink(self.0, block, old, new) }.map_err(|_| AllocError)
    }
}

/// `blink_alloc::SyncBlinkAlloc`, used by all threads directly, or through a local part of each.
pub(crate) struct SyncBlinking<const LOCAL: bool>(SyncBlinkAlloc);

impl<const LOCAL: bool> Shared for SyncBlinking<LOCAL> {
    const NAME: &'static str = if LOCAL {
        "blink-alloc::SyncBlinkAlloc::local"
    } else {
        "blink-alloc::SyncBlinkAlloc"
    };
    const ROLE: Role = Role::Rival;
    const WINDOW: u64 = WINDOW;

    fn for_threads(_: usize) -> Self {
        Self(SyncBlinkAlloc::new())
    }

    fn work(&self, _: usize, count: u64) {
        if LOCAL {
            let blink = Blink::new_in(self.0.local());
            drive(&blink, count, |blink, number| blink.put(number).into());
        } else {
            let blink = Blink::new_in(&self.0);
            drive(&blink, count, |blink, number| blink.put(number).into());
        }
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}
