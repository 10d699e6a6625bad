//! Boxes in slabs: an address is enough to give a slot back.
#![expect(
    unsafe_code,
    reason = "implements Home: gives slots back by their address"
)]

use core::{alloc::Layout, fmt, marker::PhantomData, ptr::NonNull};

use lock_api::RawMutex;

use crate::{
    handle::{OwnedHandle, VacantHandle},
    provider::{Global, Provider},
    raw::{
        Home, NoHooks, PinHome, ValueHome, release,
        remote::{Core, RemoteShape, RemoteSlab},
        retire,
    },
    sync::DefaultLock,
};

/// The slabs of a cache of `T`.
pub(super) struct ShapeOf<T, const SLAB_SIZE: usize>(PhantomData<T>);

impl<T, const SLAB_SIZE: usize> ShapeOf<T, SLAB_SIZE> {
    pub(super) const SHAPE: RemoteShape = RemoteSlab::shape(Layout::new::<T>(), SLAB_SIZE, false);
}

/// How a slot of a [`SlabCache`](super::SlabCache) is returned: its slab is found from its address, so
/// this takes no room and needs no cache that is still there.
pub struct SlabHome<
    T,
    L = DefaultLock,
    const SLAB_SIZE: usize = { 64 * 1024 },
    P: Provider = Global,
>(PhantomData<*mut (T, L, P)>);

impl<T, L: RawMutex + 'static, const SLAB_SIZE: usize, P: Provider> SlabHome<T, L, SLAB_SIZE, P> {
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }

    /// Gives a slot back.
    ///
    /// # Safety
    ///
    /// `slot` is in use in a cache of these parameters, holds nothing, and is not used any more.
    #[inline(always)]
    pub(super) unsafe fn put(slot: NonNull<u8>) {
        // SAFETY: a slot in use of a slab of this shape, reached by a pointer that is good for the slab; and
        // the caller's promise.
        unsafe { Core::<L, P, ()>::put(slot, ShapeOf::<T, SLAB_SIZE>::SHAPE) }
    }
}

// SAFETY: through the home a value is dropped on another thread, and a slab filed under the lock or given
// back to the provider from there, which may end both.
unsafe impl<T, L, const SLAB_SIZE: usize, P> Send for SlabHome<T, L, SLAB_SIZE, P>
where
    T: Send,
    L: Send + Sync,
    P: Provider + Send + Sync,
{
}

impl<T, L, const SLAB_SIZE: usize, P: Provider> fmt::Debug for SlabHome<T, L, SLAB_SIZE, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlabHome")
    }
}

// SAFETY: the cache's boxes point to its slots, which hold a `T`.
unsafe impl<T, L: RawMutex + 'static, const SLAB_SIZE: usize, P: Provider> ValueHome
    for SlabHome<T, L, SLAB_SIZE, P>
{
    type Value = T;
}

// SAFETY: nobody but the box reaches a value, and the memory of a forgotten one stays for ever: its slot
// never comes back, and the provider's memory is not borrowed.
unsafe impl<T, L: RawMutex + 'static, const SLAB_SIZE: usize, P: Provider + 'static> PinHome
    for SlabHome<T, L, SLAB_SIZE, P>
{
}

// SAFETY: a slot in use keeps its slab and what the slab belongs to; the order of things, whatever
// panics, is that of `raw`. `Send` as above.
unsafe impl<T, L: RawMutex + 'static, const SLAB_SIZE: usize, P: Provider> Home
    for SlabHome<T, L, SLAB_SIZE, P>
{
    unsafe fn welcome(&self, _: NonNull<u8>) {}

    #[inline(always)]
    unsafe fn retire(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's; its value is gone when this runs.
        let back = || unsafe { Self::put(slot) };
        // SAFETY: a live value that is the caller's.
        unsafe { retire(&NoHooks, slot.cast::<T>(), back) };
    }

    #[inline]
    unsafe fn release(&self, slot: NonNull<u8>, into: NonNull<u8>) {
        // SAFETY: as in `retire`.
        let back = || unsafe { Self::put(slot) };
        // SAFETY: a live value that is the caller's; `into` has room for a `T`.
        unsafe { release(&NoHooks, slot.cast::<T>(), into.cast(), back) };
    }

    unsafe fn vacate(&self, slot: NonNull<u8>) {
        // SAFETY: handed out empty, and not used any more.
        unsafe { Self::put(slot) }
    }

    unsafe fn occupy(&self, _: NonNull<u8>) {}
}

/// An owned value in a [`SlabCache`](super::SlabCache): one word, good wherever and however long it is
/// kept. `Sync` as `T` is, and `Send` if lock and provider are both.
///
/// It is an [`OwnedHandle`]: `OwnedHandle::into_inner` moves the value out, `OwnedHandle::map` makes a
/// box of a trait object, a slice or a part (with the slot's address beside), `OwnedHandle::into_pin`
/// pins it on a `'static` provider.
///
/// ```
/// use flagstone::{OwnedHandle, slab::{SlabCache, SpinLock}};
///
/// let cache = SlabCache::<[u32; 4], SpinLock, 4096>::new()?;
/// let slice = OwnedHandle::map(cache.alloc([1, 2, 3, 4]).unwrap(), |array| &mut array[1..]);
/// let shown = OwnedHandle::map(cache.alloc([0; 4]).unwrap(), |array| array as &mut dyn std::fmt::Debug);
/// drop(cache);
/// assert_eq!(*slice, [2, 3, 4]);
/// assert_eq!(format!("{:?}", &*shown), "[0, 0, 0, 0]");
/// # Ok::<(), flagstone::OutOfMemory>(())
/// ```
pub type SlabBox<T, L = DefaultLock, const SLAB_SIZE: usize = { 64 * 1024 }, P = Global> =
    OwnedHandle<'static, T, SlabHome<T, L, SLAB_SIZE, P>>;

/// An empty slot of a [`SlabCache`](super::SlabCache).
pub type VacantSlabBox<T, L = DefaultLock, const SLAB_SIZE: usize = { 64 * 1024 }, P = Global> =
    VacantHandle<'static, T, SlabHome<T, L, SLAB_SIZE, P>>;
