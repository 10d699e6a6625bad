//! `bump-scope`: upwards and downwards, at its own minimum alignment of 1 and at ours of 8.

use std::{alloc::Layout, ptr::NonNull};

use bump_scope::{Bump, alloc::Global, settings::BumpSettings, traits::BumpAllocatorTyped as _};

use crate::{
    arena::bumper::{Bumper, Collections, Rooms, Texts, TryNumbers, Values},
    contender::Role,
};

/// The four differ in their settings only.
macro_rules! bump_scope {
    ($adapter:ident, $name:literal, $min_align:literal, $up:literal) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter(Bump<Global, BumpSettings<$min_align, $up>>);

        impl Bumper for $adapter {
            const NAME: &'static str = $name;
            const ROLE: Role = Role::Rival;

            fn fresh(_: usize) -> Self {
                Self(Bump::new())
            }

            #[inline(always)]
            fn reset(&mut self) {
                self.0.reset();
            }
        }

        impl Values for $adapter {
            #[inline(always)]
            fn value<T: Copy + 'static>(&self, value: T) -> NonNull<T> {
                self.0.alloc(value).into_mut().into()
            }
        }

        impl TryNumbers for $adapter {
            #[inline(always)]
            fn try_number(&self, number: u64) -> Option<NonNull<u64>> {
                let number = self.0.try_alloc(number).ok()?;
                Some(number.into_mut().into())
            }
        }

        impl Texts for $adapter {
            #[inline(always)]
            fn text(&self, text: &str) -> NonNull<u8> {
                NonNull::from(self.0.alloc_str(text).into_mut()).cast()
            }
        }

        impl Rooms for $adapter {
            #[inline(always)]
            fn room(&self, layout: Layout) -> NonNull<u8> {
                self.0.allocate_layout(layout)
            }
        }

        impl Collections for $adapter {
            type Allocator<'a> = &'a Bump<Global, BumpSettings<$min_align, $up>>;

            #[inline(always)]
            fn allocator(&self) -> Self::Allocator<'_> {
                &self.0
            }
        }
    };
}

bump_scope!(ScopeUp, "bump-scope::up", 1, true);
bump_scope!(ScopeUp8, "bump-scope::up<8>", 8, true);
bump_scope!(ScopeDown, "bump-scope::down", 1, false);
bump_scope!(ScopeDown8, "bump-scope::down<8>", 8, false);
