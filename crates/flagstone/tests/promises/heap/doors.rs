//! The heap as collections see it: the allocator API, zero sizes included, and what it says of itself.

use std::{
    alloc::Layout,
    collections::HashMap as Naive,
    ptr::{self, NonNull},
    slice, thread,
};

use flagstone::heap::Heap;

use super::block::{Block, HEAP, is_zero, layout, mixed};

/// The promises of the allocator API, under each version of it.
macro_rules! allocator_api {
    ($version:ident: $of:ident) => {
        mod $version {
            use $of::{alloc::Allocator, boxed::Box, vec::Vec};

            use super::*;

            /// A block with what it reports filled with `byte`.
            fn filled(layout: Layout, byte: u8) -> NonNull<[u8]> {
                let block = HEAP.allocate(layout).expect("there is memory");
                assert!(block.len() >= layout.size());
                assert!(
                    block
                        .cast::<u8>()
                        .as_ptr()
                        .addr()
                        .is_multiple_of(layout.align())
                );
                // SAFETY: what is reported is ours to write.
                unsafe { block.cast::<u8>().write_bytes(byte, block.len()) };
                block
            }

            /// The first bytes of a block.
            fn bytes<'a>(block: NonNull<[u8]>, len: usize) -> &'a [u8] {
                assert!(block.len() >= len);
                // SAFETY: initialised where the tests look, and they free it later.
                unsafe { slice::from_raw_parts(block.cast().as_ptr(), len) }
            }

            #[test]
            fn blocks_of_no_bytes_are_aligned_and_grow() {
                for align in (0..=20).map(|log| 1_usize << log) {
                    let none = layout(0, align);
                    let block = HEAP.allocate(none).expect("no memory is needed");
                    let zeroed = HEAP.allocate_zeroed(none).expect("no memory is needed");
                    for at in [block.cast::<u8>(), zeroed.cast()] {
                        assert!(at.as_ptr().addr().is_multiple_of(align));
                    }
                    assert!(is_zero(bytes(zeroed, zeroed.len())));
                    let some = layout(100, align);
                    // SAFETY: a block of this layout, which becomes no smaller.
                    let grown = unsafe { HEAP.grow(block.cast(), none, some) };
                    let grown = grown.expect("there is memory");
                    // SAFETY: 100 bytes of ours.
                    unsafe { grown.cast::<u8>().write_bytes(7, 100) };
                    // SAFETY: a block of this layout, which becomes no larger.
                    let shrunk = unsafe { HEAP.shrink(grown.cast(), some, none) };
                    let shrunk = shrunk.expect("no memory is needed");
                    assert!(shrunk.cast::<u8>().as_ptr().addr().is_multiple_of(align));
                    // SAFETY: a block of this layout, which becomes no smaller.
                    let grown = unsafe { HEAP.grow_zeroed(zeroed.cast(), none, some) };
                    let grown = grown.expect("there is memory");
                    assert_eq!(bytes(grown, 100), [0; 100]);
                    // SAFETY: blocks of these layouts, nobody's any more.
                    unsafe { HEAP.deallocate(shrunk.cast(), none) };
                    // SAFETY: the same.
                    unsafe { HEAP.deallocate(grown.cast(), some) };
                }
            }

            #[test]
            fn blocks_grow_and_shrink_with_their_contents() {
                let sizes = [1, 24, 100, 1000, 10_000, 70_000, 3 << 20];
                for (n, from) in sizes.into_iter().enumerate() {
                    for to in sizes[n..].iter().copied() {
                        for (own, next) in [(8, 8), (8, 256), (256, 8), (16, 4096)] {
                            let (small, large) = (layout(from, own), layout(to, next));
                            let block = filled(small, 1);
                            // SAFETY: a block of this layout, which becomes no smaller.
                            let grown = unsafe { HEAP.grow(block.cast(), small, large) };
                            let grown = grown.expect("there is memory");
                            assert!(grown.cast::<u8>().as_ptr().addr().is_multiple_of(next));
                            assert!(bytes(grown, from).iter().all(|byte| *byte == 1));
                            // SAFETY: what is reported is ours to write.
                            unsafe { grown.cast::<u8>().write_bytes(2, grown.len()) };
                            // SAFETY: a block of this layout, which becomes no larger.
                            let shrunk = unsafe { HEAP.shrink(grown.cast(), large, small) };
                            let shrunk = shrunk.expect("there is memory");
                            assert!(shrunk.cast::<u8>().as_ptr().addr().is_multiple_of(own));
                            assert!(bytes(shrunk, from).iter().all(|byte| *byte == 2));
                            // SAFETY: a block of this layout, nobody's any more.
                            unsafe { HEAP.deallocate(shrunk.cast(), small) };
                        }
                    }
                }
            }

            #[test]
            fn what_is_gained_is_zeroed() {
                for from in [1, 60, 100, 5000, 100_000] {
                    for to in [from, from + 1, from + 9, 2 * from, 3 << 20] {
                        // What was freed before is dirty.
                        let dirty = filled(layout(to, 8), 0xff);
                        // SAFETY: a block of this layout, nobody's any more.
                        unsafe { HEAP.deallocate(dirty.cast(), layout(to, 8)) };
                        let (small, large) = (layout(from, 8), layout(to, 8));
                        let block = filled(small, 1);
                        // SAFETY: a block of this layout, which becomes no smaller.
                        let grown = unsafe { HEAP.grow_zeroed(block.cast(), small, large) };
                        let grown = grown.expect("there is memory");
                        let (kept, gained) = bytes(grown, to).split_at(from);
                        assert!(kept.iter().all(|byte| *byte == 1), "{from} to {to}");
                        assert!(is_zero(gained), "{from} to {to}");
                        // SAFETY: a block of this layout, nobody's any more.
                        unsafe { HEAP.deallocate(grown.cast(), large) };
                    }
                }
            }

            #[test]
            fn what_is_reported_is_usable() {
                for size in [1, 65, 1000, 33_000, 1 << 20] {
                    let block = filled(layout(size, 8), 1);
                    // SAFETY: a block of the heap.
                    let usable = unsafe { HEAP.usable_size(block.cast()) };
                    assert_eq!(block.len(), usable, "of {size} bytes");
                    // SAFETY: all that was reported fits the block.
                    unsafe { HEAP.deallocate(block.cast(), layout(block.len(), 8)) };
                }
            }

            #[test]
            fn refusals_leave_a_block_as_it_is() {
                let (small, large) = (layout(100, 8), layout(isize::MAX as usize - 7, 8));
                HEAP.allocate(large).unwrap_err();
                HEAP.allocate_zeroed(large).unwrap_err();
                let block = filled(small, 3);
                // SAFETY: a block of this layout, which becomes no smaller.
                unsafe { HEAP.grow(block.cast(), small, large) }.unwrap_err();
                // SAFETY: the same.
                unsafe { HEAP.grow_zeroed(block.cast(), small, large) }.unwrap_err();
                assert_eq!(bytes(block, 100), [3; 100]);
                // SAFETY: a block of this layout, nobody's any more.
                unsafe { HEAP.deallocate(block.cast(), small) };
            }

            #[test]
            fn vectors_and_boxes_live_in_it() {
                let mut vectors: std::vec::Vec<_> = (0..50).map(|_| Vec::new_in(&HEAP)).collect();
                for n in 0..20_000_u64 {
                    vectors[(mixed(n) % 50) as usize].push(n);
                }
                let mut all: std::vec::Vec<_> = vectors.iter().flatten().copied().collect();
                all.sort_unstable();
                assert!(all.into_iter().eq(0..20_000));
                // Another door to the same heap.
                let boxed = Box::new_in([7_u8; 5000], Heap::new());
                thread::spawn(move || assert_eq!(*boxed, [7; 5000]))
                    .join()
                    .expect("no panic");
            }
        }
    };
}

#[cfg(feature = "allocator-api2-02")]
allocator_api!(version_02: allocator_api2_02);
#[cfg(feature = "allocator-api2-04")]
allocator_api!(version_04: allocator_api2_04);

#[cfg(feature = "allocator-api2-02")]
#[test]
fn a_hash_map_lives_in_it() {
    let mut map = hashbrown::HashMap::new_in(&HEAP);
    let mut naive = Naive::new();
    for n in 0..20_000 {
        let key = mixed(n) % 3000;
        assert_eq!(map.insert(key, n), naive.insert(key, n));
        let gone = mixed(!n) % 3000;
        assert_eq!(map.remove(&gone), naive.remove(&gone));
    }
    assert_eq!(map.len(), naive.len());
    assert!(map.iter().all(|(key, n)| naive[key] == *n));
}

#[test]
fn every_door_leads_to_the_same_heap() {
    static OTHER: Heap = Heap::new();
    let block = Block::some(100, 1);
    let at = block.start();
    assert!(OTHER.owns(at.as_ptr()) && Heap::new().owns(at.as_ptr()));
    // SAFETY: a block of the heap.
    assert_eq!(unsafe { OTHER.usable_size(at) }, block.usable());
}

#[test]
fn it_knows_what_is_its_own() {
    let local = 7_u8;
    let boxed = Box::new(7_u8);
    for foreign in [&raw const local, &raw const *boxed, c"text".as_ptr().cast()] {
        assert!(!HEAP.owns(foreign), "{foreign:?}");
    }
    // Where nothing is, too.
    for address in [0, 1, 4096, (4 << 20) + 64, 1 << 46, usize::MAX] {
        let nowhere = ptr::without_provenance::<u8>(address);
        assert!(!HEAP.owns(nowhere), "{nowhere:?}");
    }
    for size in [1, 100, 5000, 100_000, 3 << 20] {
        for align in [1, 4096, 4 << 20] {
            let block = Block::new(size, align, 1).expect("there is memory");
            let (first, last) = (block.start().as_ptr(), size - 1);
            assert!(HEAP.owns(first), "{block:?}");
            assert!(HEAP.owns(first.wrapping_add(last)), "{block:?}");
        }
    }
}
