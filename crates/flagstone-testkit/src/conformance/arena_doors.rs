//! What an arena can do, as the checks see it.
#![expect(unsafe_code, reason = "has unsafe doors among the others")]
#![expect(clippy::mut_from_ref, reason = "room is handed out once")]

use std::{alloc::Layout, fmt, ptr::NonNull};

use flagstone::{
    AllocError,
    arena::{ArenaBox, ArenaUsage},
    provider::Provider,
};

/// Hands every door that all arenas have, as `name try_name [generics] (arguments) -> place, refused`,
/// to the macro `$then`.
macro_rules! every_door {
    ($then:ident $head:tt) => {
        $then! {
            $head
            alloc try_alloc [T] (value: T) -> &mut T, T;
            alloc_with try_alloc_with [T] (make: impl FnOnce() -> T) -> &mut T, ();
            alloc_drop try_alloc_drop [T: Send + 'static] (value: T) -> &mut T, T;
            alloc_auto try_alloc_auto [T: Send + 'static] (value: T) -> &mut T, T;
            alloc_leak try_alloc_leak [T] (value: T) -> &mut T, T;
            alloc_boxed try_alloc_boxed [T] (value: T) -> ArenaBox<'_, T>, T;
            alloc_boxed_slice try_alloc_boxed_slice [T]
                (values: impl IntoIterator<Item = T>) -> ArenaBox<'_, [T]>, ();
            alloc_slice_copy try_alloc_slice_copy [T: Copy] (values: &[T]) -> &mut [T], ();
            alloc_slice_clone try_alloc_slice_clone [T: Clone] (values: &[T]) -> &mut [T], ();
            alloc_slice_fill_with try_alloc_slice_fill_with [T]
                (len: usize, make: impl FnMut(usize) -> T) -> &mut [T], ();
            alloc_slice_iter try_alloc_slice_iter [T]
                (values: impl IntoIterator<Item = T>) -> &mut [T], ();
            alloc_str try_alloc_str [] (text: &str) -> &mut str, ();
            alloc_bytes try_alloc_bytes [] (len: usize) -> &mut [u8], ();
            alloc_fmt try_alloc_fmt [] (arguments: fmt::Arguments<'_>) -> &mut str, ();
            alloc_layout try_alloc_layout [] (layout: Layout) -> NonNull<u8>, ();
        }
    };
}
pub(super) use every_door;

macro_rules! declare {
    ([] $(
        $door:ident $try_door:ident [$($generics:tt)*]
        ($($argument:ident: $type:ty),*) -> $place:ty, $refused:ty;
    )*) => {
        /// Places values: the doors that all arenas have, which document them.
        pub trait ArenaDoors {
            $(
                #[doc = concat!("See `Arena::", stringify!($door), "`.")]
                fn $door<$($generics)*>(&self, $($argument: $type),*) -> $place;

                #[doc = concat!("See `Arena::", stringify!($try_door), "`.")]
                ///
                /// # Errors
                ///
                /// When there is no room.
                fn $try_door<$($generics)*>(
                    &self,
                    $($argument: $type),*
                ) -> Result<$place, AllocError<$refused>>;
            )*
        }
    };
}
every_door!(declare []);

/// Blocks that change their size: the arena as the allocator of a collection.
pub trait Blocks {
    /// A block for `layout`.
    fn allocate(&self, layout: Layout) -> Option<NonNull<[u8]>>;

    /// Gives a block back.
    ///
    /// # Safety
    ///
    /// `block` came from this arena for `layout`, and is not used any more.
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout);

    /// Makes a block larger; `None` leaves it as it is.
    ///
    /// # Safety
    ///
    /// `block` came from this arena for `old`; if it moves, its old place is not used any more.
    unsafe fn grow(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>>;

    /// The same, and what is new is 0.
    ///
    /// # Safety
    ///
    /// As for [`grow`](Self::grow).
    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<NonNull<[u8]>>;

    /// Makes a block smaller; `None` leaves it as it is.
    ///
    /// # Safety
    ///
    /// As for [`grow`](Self::grow).
    unsafe fn shrink(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<[u8]>>;
}

/// An arena with its chunks.
pub trait WholeArena: ArenaDoors + Blocks {
    /// Where chunks come from.
    type Provider: Provider;

    /// Where chunks come from.
    fn provider(&self) -> &Self::Provider;

    /// Takes everything back and keeps the memory.
    fn reset(&mut self);

    /// Gives memory back until at most `bytes` bytes are reserved, as far as nothing lies in it.
    fn shrink_to(&mut self, bytes: usize);

    /// Most bytes that are reserved.
    fn limit(&self) -> Option<usize>;

    /// Sets them.
    fn set_limit(&self, bytes: Option<usize>);

    /// What there is.
    fn usage(&self) -> ArenaUsage;

    /// Runs `work` in a scope, and closes it; whether this kind of arena has scopes.
    fn scoped(&self, work: &mut dyn FnMut(&Self)) -> bool {
        let _ = work;
        false
    }

    /// Runs `work` after a checkpoint, and goes back to that; whether this kind of arena has them.
    ///
    /// # Safety
    ///
    /// What is handed out in `work` is not used afterwards.
    unsafe fn rewound(&self, work: &mut dyn FnMut()) -> bool {
        let _ = work;
        false
    }
}
