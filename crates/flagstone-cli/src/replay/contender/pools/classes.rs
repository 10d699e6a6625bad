//! One growing pool per size class.
#![expect(unsafe_code, reason = "takes raw pointers back into pools")]

use std::alloc::Layout;
use std::ptr::{self, NonNull};

use flagstone::layout::SizeClasses;
use flagstone::{GrowingPool, OwnedHandle};

use super::access::{Access, Sharing};
use super::cell::{ALIGN, Cell};

/// Multiples of 16 bytes up to 64, then four classes per doubling.
const CLASSES: SizeClasses = SizeClasses::new(16, 4).expect("both are powers of two");

/// Largest request that a pool serves, in bytes.
///
/// With classes up to 32 KiB the peak of resident memory was 6 to 37 % higher on the bundled
/// recordings: whole pages of many sparsely used classes.
const LARGEST: usize = 4 * 1024;

/// The number of the pool that serves `layout`, or `None` if it is too large or too aligned.
#[inline]
pub(super) fn class_of(layout: Layout) -> Option<usize> {
    (layout.size() <= LARGEST && layout.align() <= ALIGN).then(|| CLASSES.class_of(layout.size()))
}

macro_rules! class_pools {
    ($($class:tt => $bytes:literal,)+) => {
        // The numbers below are those of the library's formula.
        const _: () = {
            $(assert!(matches!(CLASSES.size_of($class), Some($bytes)));)+
            assert!(CLASSES.class_of(LARGEST) == [$($bytes),+].len() - 1);
        };

        /// A pool of cells for every size class; with several threads each has a lock of its own.
        ///
        /// The type of a pool says how large its cells are, so going from a class's number to its
        /// pool is a jump; the macro writes the table.
        pub(super) struct ClassPools<S: Sharing> {
            pools: ($(S::Access<GrowingPool<Cell<$bytes>>>,)+),
        }

        impl<S: Sharing> ClassPools<S> {
            /// Empty pools: they get their memory when they are first used.
            pub(super) fn new() -> Self {
                Self { pools: ($(Access::new(GrowingPool::<Cell<$bytes>>::new(0)),)+) }
            }

            /// A cell of the class, or null if there is no memory.
            #[inline]
            pub(super) fn alloc(&self, class: usize) -> *mut u8 {
                match class {
                    $($class => alloc_in(&self.pools.$class),)+
                    _ => ptr::null_mut(),
                }
            }

            /// Takes a cell back.
            ///
            /// # Safety
            ///
            /// `cell` must come from [`alloc`](Self::alloc) of the same class of these pools, and
            /// is not used afterwards.
            #[inline]
            pub(super) unsafe fn free(&self, class: usize, cell: NonNull<u8>) {
                match class {
                    // SAFETY: the caller's promise: the cell came from the pool of this class.
                    $($class => unsafe { free_in(&self.pools.$class, cell) },)+
                    _ => {}
                }
            }
        }
    };
}

class_pools! {
    0 => 16, 1 => 32, 2 => 48, 3 => 64,
    4 => 80, 5 => 96, 6 => 112, 7 => 128,
    8 => 160, 9 => 192, 10 => 224, 11 => 256,
    12 => 320, 13 => 384, 14 => 448, 15 => 512,
    16 => 640, 17 => 768, 18 => 896, 19 => 1024,
    20 => 1280, 21 => 1536, 22 => 1792, 23 => 2048,
    24 => 2560, 25 => 3072, 26 => 3584, 27 => 4096,
}

#[inline]
fn alloc_in<const N: usize>(pool: &impl Access<GrowingPool<Cell<N>>>) -> *mut u8 {
    pool.with(|pool| match pool.alloc_uninit() {
        Ok(slot) => {
            // SAFETY: a cell is valid whatever its bytes are.
            let cell = unsafe { slot.assume_init() };
            OwnedHandle::into_raw(cell).as_ptr().cast()
        }
        Err(_) => ptr::null_mut(),
    })
}

/// # Safety
///
/// `cell` must come from [`alloc_in`] of the same pool, and is not used afterwards.
#[inline]
unsafe fn free_in<const N: usize>(pool: &impl Access<GrowingPool<Cell<N>>>, cell: NonNull<u8>) {
    // SAFETY: the caller says that the pointer is a handle's that this pool gave out.
    pool.with(|pool| drop(unsafe { pool.from_raw(cell.cast()) }));
}
