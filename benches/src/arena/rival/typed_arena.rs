//! `typed-arena`: one type per arena. It cannot be reset: it is dropped and made again.

use std::{mem, ptr::NonNull};

use typed_arena::Arena;

use crate::{
    arena::bumper::{Bumper, Numbers, Texts},
    contender::Role,
};

/// An arena of numbers.
pub(crate) struct TypedNumbers(Arena<u64>);

/// An arena of bytes, which holds strings.
pub(crate) struct TypedTexts(Arena<u8>);

macro_rules! typed {
    ($adapter:ident) => {
        impl Bumper for $adapter {
            const NAME: &'static str = "typed-arena";
            const ROLE: Role = Role::Rival;

            fn fresh(_: usize) -> Self {
                Self(Arena::new())
            }

            #[inline(always)]
            fn reset(&mut self) {
                drop(mem::take(&mut self.0));
            }
        }
    };
}
typed!(TypedNumbers);
typed!(TypedTexts);

impl Numbers for TypedNumbers {
    #[inline(always)]
    fn number(&self, number: u64) -> NonNull<u64> {
        self.0.alloc(number).into()
    }
}

impl Texts for TypedTexts {
    #[inline(always)]
    fn text(&self, text: &str) -> NonNull<u8> {
        NonNull::from(self.0.alloc_str(text)).cast()
    }
}
