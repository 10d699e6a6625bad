//! An index that grows keeps what is in use and hands out every new number once, in whatever state it
//! was when it grew. (A published index manager marked the wrong word as free: 64 numbers in use were
//! handed out again.)

use std::collections::BTreeSet;

use flagstone::{
    IndexAllocator,
    index::{AtomicBitmap, AtomicStack, Bitmap, FreeList, Stack},
};

/// Capacities around the edges of words and levels.
const CAPACITIES: [usize; 9] = [0, 1, 63, 64, 65, 128, 4095, 4096, 4097];
/// Numbers to add.
const MORE: [usize; 5] = [0, 1, 64, 100, 5000];

fn grows<I: IndexAllocator>(make: impl Fn(usize) -> I) {
    for capacity in CAPACITIES {
        for more in MORE {
            for keep in [0, capacity / 2, capacity] {
                let mut index = make(capacity);
                let mut held: BTreeSet<_> = (0..capacity)
                    .map(|_| index.allocate().expect("free"))
                    .collect();
                while held.len() > keep {
                    index.free(held.pop_first().expect("more than are kept"));
                }
                assert!(index.grow(more));
                assert_eq!(index.capacity(), capacity + more);
                assert_eq!(index.available(), capacity - keep + more);
                while let Some(number) = index.allocate() {
                    assert!(number < capacity + more);
                    assert!(held.insert(number), "{number} was in use");
                }
                assert_eq!(held.len(), capacity + more);
                assert_eq!(index.available(), 0);
                for number in held {
                    index.free(number);
                }
                assert_eq!(index.available(), capacity + more);
            }
        }
    }
}

#[test]
fn every_index_grows_in_any_state() {
    grows(|capacity| Stack::new(capacity).expect("small"));
    grows(|capacity| FreeList::new(capacity).expect("small"));
    grows(|capacity| Bitmap::new(capacity).expect("small"));
    grows(|capacity| AtomicStack::with_room(capacity, capacity + 5000).expect("small"));
}

#[test]
fn what_cannot_grow_says_so_and_stays() {
    let mut links = [0; 4];
    let mut borrowed = FreeList::over(&mut links[..]).expect("four");
    assert!(!borrowed.grow(1));
    assert_eq!(borrowed.capacity(), 4);
    let mut inline = Bitmap::over([0_u64; 1], 10).expect("ten");
    assert!(inline.grow(54), "there are bits left in its word");
    assert!(!inline.grow(1));
    assert_eq!((inline.capacity(), inline.available()), (64, 64));
    let mut owned = Stack::new(4).expect("four");
    assert!(!owned.grow(usize::MAX));
    assert!(!owned.grow(usize::MAX - 3));
    assert_eq!((owned.capacity(), owned.available()), (4, 4));
    let shared = AtomicStack::with_room(4, 6).expect("six");
    assert_eq!((shared.capacity(), shared.room()), (4, 6));
    for more in [3, usize::MAX, usize::MAX - 3] {
        assert!(!shared.grow(more));
    }
    assert_eq!((shared.capacity(), shared.available()), (4, 4));
    assert!(
        shared.free(5).unwrap_err().is_out_of_range(),
        "not there yet"
    );
    assert!(shared.grow(2) && !shared.grow(1));
    assert!(!AtomicBitmap::new(4).expect("four").grow(1));
}
