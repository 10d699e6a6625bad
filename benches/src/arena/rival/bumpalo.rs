//! `bumpalo`: downwards, at its own minimum alignment of 1 and at ours of 8; and its herd.

use std::{alloc::Layout, ptr::NonNull};

use bumpalo::Bump;
use bumpalo_herd::Herd;

use crate::{
    arena::bumper::{Bumper, Collections, Rooms, Texts, TryNumbers, Values, WINDOW, drive},
    contender::Role,
    threads::Shared,
};

/// `bumpalo::Bump<MIN_ALIGN>`.
pub(crate) struct Bumpalo<const MIN_ALIGN: usize>(Bump<MIN_ALIGN>);

impl<const MIN_ALIGN: usize> Bumper for Bumpalo<MIN_ALIGN> {
    const NAME: &'static str = if MIN_ALIGN == 1 {
        "bumpalo"
    } else {
        "bumpalo<8>"
    };
    const ROLE: Role = Role::Rival;

    fn fresh(_: usize) -> Self {
        Self(Bump::with_min_align())
    }

    #[inline(always)]
    fn reset(&mut self) {
        self.0.reset();
    }
}

impl<const MIN_ALIGN: usize> Values for Bumpalo<MIN_ALIGN> {
    #[inline(always)]
    fn value<T: Copy + 'static>(&self, value: T) -> NonNull<T> {
        self.0.alloc(value).into()
    }
}

impl<const MIN_ALIGN: usize> TryNumbers for Bumpalo<MIN_ALIGN> {
    #[inline(always)]
    fn try_number(&self, number: u64) -> Option<NonNull<u64>> {
        self.0.try_alloc(number).ok().map(NonNull::from)
    }
}

impl<const MIN_ALIGN: usize> Texts for Bumpalo<MIN_ALIGN> {
    #[inline(always)]
    fn text(&self, text: &str) -> NonNull<u8> {
        NonNull::from(self.0.alloc_str(text)).cast()
    }
}

impl<const MIN_ALIGN: usize> Rooms for Bumpalo<MIN_ALIGN> {
    #[inline(always)]
    fn room(&self, layout: Layout) -> NonNull<u8> {
        self.0.alloc_layout(layout)
    }
}

impl<const MIN_ALIGN: usize> Collections for Bumpalo<MIN_ALIGN> {
    type Allocator<'a> = &'a Bump<MIN_ALIGN>;

    #[inline(always)]
    fn allocator(&self) -> &Bump<MIN_ALIGN> {
        &self.0
    }
}

/// `bumpalo_herd::Herd`: a thread takes a member and keeps it (`LOCAL`), or takes one for each value.
pub(crate) struct BumpaloHerd<const LOCAL: bool>(Herd);

impl<const LOCAL: bool> Shared for BumpaloHerd<LOCAL> {
    const NAME: &'static str = if LOCAL {
        "bumpalo-herd"
    } else {
        "bumpalo-herd::get"
    };
    const ROLE: Role = Role::Rival;
    const WINDOW: u64 = WINDOW;

    fn for_threads(_: usize) -> Self {
        Self(Herd::new())
    }

    fn work(&self, _: usize, count: u64) {
        if LOCAL {
            let member = self.0.get();
            drive(&member, count, |member, number| member.alloc(number).into());
        } else {
            drive(&self.0, count, |herd, number| {
                herd.get().alloc(number).into()
            });
        }
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}
