//! The arenas of the library as kinds.
#![expect(unsafe_code, reason = "forwards unsafe doors")]

use std::{alloc::Layout, fmt, mem::ManuallyDrop, ptr::NonNull};

use allocator_api2::alloc::Allocator;
use flagstone::{
    AllocError, Arena, SyncArena,
    arena::{ArenaBox, ArenaUsage, LocalArena, LockArena},
    provider::Provider,
    sync::SpinLock,
};

use super::{ArenaDoors, ArenaKind, Blocks, WholeArena, arena_doors::every_door};

/// [`Arena`].
#[derive(Debug)]
pub struct Single<const MIN_ALIGN: usize>;

/// [`SyncArena`], used directly.
#[derive(Debug)]
pub struct Shared<const MIN_ALIGN: usize>;

/// [`LocalArena`], with the shared one behind it.
#[derive(Debug)]
pub struct Local<const MIN_ALIGN: usize>;

/// [`LockArena`] under a [`SpinLock`].
#[derive(Debug)]
pub struct Locked<const MIN_ALIGN: usize>;

impl<const MIN_ALIGN: usize> ArenaKind for Single<MIN_ALIGN> {
    type Arena<P: Provider + 'static> = Arena<P, MIN_ALIGN>;

    const MIN_ALIGN: usize = MIN_ALIGN;
    const ONE_CURSOR: bool = true;
    const FINDS_SPARE_CHUNKS: bool = true;

    fn build<P: Provider + 'static>(provider: P) -> Self::Arena<P> {
        Arena::new_in(provider)
    }
}

impl<const MIN_ALIGN: usize> ArenaKind for Shared<MIN_ALIGN> {
    type Arena<P: Provider + 'static> = SyncArena<P, MIN_ALIGN>;

    const MIN_ALIGN: usize = MIN_ALIGN;
    const ONE_CURSOR: bool = true;
    const FINDS_SPARE_CHUNKS: bool = false;

    fn build<P: Provider + 'static>(provider: P) -> Self::Arena<P> {
        SyncArena::new_in(provider)
    }
}

impl<const MIN_ALIGN: usize> ArenaKind for Local<MIN_ALIGN> {
    type Arena<P: Provider + 'static> = LocalWithShared<P, MIN_ALIGN>;

    const MIN_ALIGN: usize = MIN_ALIGN;
    const ONE_CURSOR: bool = false;
    const FINDS_SPARE_CHUNKS: bool = false;

    fn build<P: Provider + 'static>(provider: P) -> Self::Arena<P> {
        LocalWithShared::new(provider)
    }
}

impl<const MIN_ALIGN: usize> ArenaKind for Locked<MIN_ALIGN> {
    type Arena<P: Provider + 'static> = LockArena<SpinLock, P, MIN_ALIGN>;

    const MIN_ALIGN: usize = MIN_ALIGN;
    const ONE_CURSOR: bool = true;
    const FINDS_SPARE_CHUNKS: bool = true;

    fn build<P: Provider + 'static>(provider: P) -> Self::Arena<P> {
        LockArena::new_in(provider)
    }
}

/// A local arena that owns the shared one it is a part of. Whatever needs the shared one exclusively
/// ends the local one, and begins another.
pub struct LocalWithShared<P: Provider + 'static, const MIN_ALIGN: usize> {
    local: ManuallyDrop<LocalArena<'static, P, MIN_ALIGN>>,
    shared: NonNull<SyncArena<P, MIN_ALIGN>>,
}

impl<P: Provider, const MIN_ALIGN: usize> LocalWithShared<P, MIN_ALIGN> {
    fn new(provider: P) -> Self {
        let shared = NonNull::from(Box::leak(Box::new(SyncArena::new_in(provider))));
        Self {
            local: Self::begin(shared),
            shared,
        }
    }

    fn begin(
        shared: NonNull<SyncArena<P, MIN_ALIGN>>,
    ) -> ManuallyDrop<LocalArena<'static, P, MIN_ALIGN>> {
        // SAFETY: the shared arena stays until `self` is dropped, and is borrowed exclusively only
        // while there is no local one.
        ManuallyDrop::new(unsafe { shared.as_ref() }.local())
    }

    fn exclusively(&mut self, work: impl FnOnce(&mut SyncArena<P, MIN_ALIGN>)) {
        struct Again<'w, P: Provider + 'static, const MIN_ALIGN: usize>(
            &'w mut LocalWithShared<P, MIN_ALIGN>,
        );
        impl<P: Provider, const MIN_ALIGN: usize> Drop for Again<'_, P, MIN_ALIGN> {
            fn drop(&mut self) {
                self.0.local = LocalWithShared::begin(self.0.shared);
            }
        }
        // SAFETY: replaced when `again` is dropped, and not used until then.
        unsafe { ManuallyDrop::drop(&mut self.local) };
        let mut shared = self.shared;
        let _again = Again(self);
        // SAFETY: the local arena has just ended; nothing else borrows the shared one.
        work(unsafe { shared.as_mut() });
    }
}

impl<P: Provider, const MIN_ALIGN: usize> Drop for LocalWithShared<P, MIN_ALIGN> {
    fn drop(&mut self) {
        // SAFETY: not used below.
        unsafe { ManuallyDrop::drop(&mut self.local) };
        // SAFETY: the box that `new` leaked; the local arena has just ended.
        drop(unsafe { Box::from_raw(self.shared.as_ptr()) });
    }
}

impl<P: Provider, const MIN_ALIGN: usize> fmt::Debug for LocalWithShared<P, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.local.fmt(f)
    }
}

/// Forwards the doors of `$kind` to `$inner`, an expression about `$this`.
macro_rules! forward {
    ([$this:ident: $kind:ident<$($part:ty),*> => $inner:expr] $(
        $door:ident $try_door:ident [$($generics:tt)*]
        ($($argument:ident: $type:ty),*) -> $place:ty, $refused:ty;
    )*) => {
        impl<P: Provider + 'static, const MIN_ALIGN: usize> ArenaDoors
            for $kind<$($part,)* P, MIN_ALIGN>
        {
            $(
                fn $door<$($generics)*>(&self, $($argument: $type),*) -> $place {
                    let $this = self;
                    $inner.$door($($argument),*)
                }

                fn $try_door<$($generics)*>(
                    &self,
                    $($argument: $type),*
                ) -> Result<$place, AllocError<$refused>> {
                    let $this = self;
                    $inner.$try_door($($argument),*)
                }
            )*
        }

        impl<P: Provider + 'static, const MIN_ALIGN: usize> Blocks
            for $kind<$($part,)* P, MIN_ALIGN>
        {
            fn allocate(&self, layout: Layout) -> Option<NonNull<[u8]>> {
                let $this = self;
                Allocator::allocate(&$inner, layout).ok()
            }

            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                let $this = self;
                // SAFETY: the caller's promise, here and below.
                unsafe { Allocator::deallocate(&$inner, block, layout) }
            }

            unsafe fn grow(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Option<NonNull<[u8]>> {
                let $this = self;
                // SAFETY: as above.
                unsafe { Allocator::grow(&$inner, block, old, new) }.ok()
            }

            unsafe fn grow_zeroed(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Option<NonNull<[u8]>> {
                let $this = self;
                // SAFETY: as above.
                unsafe { Allocator::grow_zeroed(&$inner, block, old, new) }.ok()
            }

            unsafe fn shrink(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Option<NonNull<[u8]>> {
                let $this = self;
                // SAFETY: as above.
                unsafe { Allocator::shrink(&$inner, block, old, new) }.ok()
            }
        }
    };
}

// Inherent methods come before those of traits, so these do not call themselves.
every_door!(forward [this: Arena<> => this]);
every_door!(forward [this: SyncArena<> => this]);
every_door!(forward [this: LockArena<SpinLock> => this]);
every_door!(forward [this: LocalWithShared<> => &*this.local]);

/// Forwards what arenas with chunks of their own spell the same.
macro_rules! whole {
    ($kind:ident<$($part:ty),*> { $($scopes:tt)* }) => {
        impl<P: Provider + 'static, const MIN_ALIGN: usize> WholeArena
            for $kind<$($part,)* P, MIN_ALIGN>
        {
            type Provider = P;

            fn provider(&self) -> &P {
                $kind::provider(self)
            }

            fn reset(&mut self) {
                $kind::reset(self);
            }

            fn shrink_to(&mut self, bytes: usize) {
                $kind::shrink_to(self, bytes);
            }

            fn limit(&self) -> Option<usize> {
                $kind::limit(self)
            }

            fn set_limit(&self, bytes: Option<usize>) {
                $kind::set_limit(self, bytes);
            }

            fn usage(&self) -> ArenaUsage {
                $kind::usage(self)
            }

            $($scopes)*
        }
    };
}

whole!(SyncArena<> {});
whole!(LockArena<SpinLock> {});
whole!(Arena<> {
    fn scoped(&self, work: &mut dyn FnMut(&Self)) -> bool {
        Arena::scoped(self, |scope| work(scope));
        true
    }

    unsafe fn rewound(&self, work: &mut dyn FnMut()) -> bool {
        let checkpoint = self.checkpoint();
        work();
        // SAFETY: taken above, and the caller's promise; scopes opened in `work` are closed.
        unsafe { self.reset_to(checkpoint) };
        true
    }
});

impl<P: Provider + 'static, const MIN_ALIGN: usize> WholeArena for LocalWithShared<P, MIN_ALIGN> {
    type Provider = P;

    fn provider(&self) -> &P {
        self.local.shared().provider()
    }

    fn reset(&mut self) {
        self.exclusively(SyncArena::reset);
    }

    fn shrink_to(&mut self, bytes: usize) {
        self.exclusively(|shared| shared.shrink_to(bytes));
    }

    fn limit(&self) -> Option<usize> {
        self.local.shared().limit()
    }

    fn set_limit(&self, bytes: Option<usize>) {
        self.local.shared().set_limit(bytes);
    }

    fn usage(&self) -> ArenaUsage {
        self.local.shared().usage()
    }
}
