//! Stack, free list and bitmap agree with a set, whatever is done to both; so do those that threads
//! share, in one thread.

use std::sync::atomic::AtomicU64;

use flagstone::{
    IndexAllocator,
    index::{AtomicBitmap, AtomicStack, Bitmap, FreeList, Stack},
};
use flagstone_testkit::model::NaiveIndex;
use proptest::{collection::vec, prelude::*};

#[derive(Clone, Debug)]
enum Op {
    Allocate(usize),
    Free(usize),
    FreeAny(usize),
    AllocateRun(usize),
    FreeRun(usize, usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (1_usize..80).prop_map(Op::Allocate),
        4 => any::<usize>().prop_map(Op::Free),
        2 => (0_usize..700).prop_map(Op::FreeAny),
        3 => (0_usize..140).prop_map(Op::AllocateRun),
        3 => (0_usize..600, 0_usize..140).prop_map(|(at, len)| Op::FreeRun(at, len)),
    ]
}

/// Around words and levels of a bitmap.
fn capacity() -> impl Strategy<Value = usize> {
    prop_oneof![
        0_usize..130,
        Just(63),
        Just(64),
        Just(65),
        Just(4095),
        Just(4096),
        Just(4097),
        0_usize..600,
    ]
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 4 } else { cases },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// What all have in common beside the trait, and some have alone.
trait Index: IndexAllocator {
    fn try_free(&mut self, index: usize) -> Result<(), flagstone::IndexError>;
    fn in_use(&self, index: usize) -> bool;
    fn runs(&mut self) -> Option<&mut Bitmap> {
        None
    }
    /// Whether the number that was freed last comes first.
    fn is_last_first(&self) -> bool {
        true
    }
}

impl Index for AtomicStack {
    fn try_free(&mut self, index: usize) -> Result<(), flagstone::IndexError> {
        (*self).free(index)
    }
    fn in_use(&self, index: usize) -> bool {
        self.is_in_use(index)
    }
}

impl Index for AtomicBitmap {
    fn try_free(&mut self, index: usize) -> Result<(), flagstone::IndexError> {
        (*self).free(index)
    }
    fn in_use(&self, index: usize) -> bool {
        self.is_in_use(index)
    }
    fn is_last_first(&self) -> bool {
        false
    }
}

impl Index for Stack {
    fn try_free(&mut self, index: usize) -> Result<(), flagstone::IndexError> {
        self.free(index)
    }
    fn in_use(&self, index: usize) -> bool {
        self.is_in_use(index)
    }
}

impl Index for FreeList {
    fn try_free(&mut self, index: usize) -> Result<(), flagstone::IndexError> {
        self.free(index)
    }
    fn in_use(&self, index: usize) -> bool {
        self.is_in_use(index)
    }
}

impl Index for Bitmap {
    fn try_free(&mut self, index: usize) -> Result<(), flagstone::IndexError> {
        self.free(index)
    }
    fn in_use(&self, index: usize) -> bool {
        self.is_in_use(index)
    }
    fn runs(&mut self) -> Option<&mut Bitmap> {
        Some(self)
    }
    fn is_last_first(&self) -> bool {
        false
    }
}

fn replay<I: Index>(mut index: I, capacity: usize, ops: &[Op]) {
    let mut naive = NaiveIndex::new(capacity);
    assert_eq!(index.capacity(), capacity);
    for op in ops {
        match *op {
            Op::Allocate(count) => (0..count).for_each(|_| allocate(&mut index, &mut naive)),
            Op::Free(pick) => {
                if let Some(used) = naive.used(pick) {
                    free(&mut index, &mut naive, used);
                }
            }
            Op::FreeAny(at) => free(&mut index, &mut naive, at),
            Op::AllocateRun(len) => {
                if let Some(bitmap) = index.runs() {
                    let start = bitmap.allocate_run(len);
                    assert_eq!(start, naive.lowest_run(len));
                    if let Some(start) = start {
                        naive.handed_out(start..start + len);
                    }
                }
            }
            Op::FreeRun(at, len) => {
                if let Some(bitmap) = index.runs() {
                    let freed = bitmap.free_run(at..at + len);
                    let first_bad = (at..at + len).find(|&n| !naive.is_in_use(n));
                    assert_eq!(freed.err().map(|error| error.index()), first_bad);
                    naive.free(at..at + len);
                }
            }
        }
        assert_eq!(index.available(), naive.available());
    }
    for n in 0..capacity + 65 {
        assert_eq!(index.in_use(n), naive.is_in_use(n));
    }
}

fn allocate<I: Index>(index: &mut I, naive: &mut NaiveIndex) {
    let lowest = naive.lowest();
    let number = index.allocate();
    assert_eq!(number.is_some(), lowest.is_some());
    if index.runs().is_some() {
        assert_eq!(number, lowest, "a bitmap hands out the lowest");
    }
    if let Some(number) = number {
        naive.handed_out(number..number + 1);
    }
}

fn free<I: Index>(index: &mut I, naive: &mut NaiveIndex, at: usize) {
    let freed = index.try_free(at);
    assert_eq!(freed.is_ok(), naive.free(at..at + 1));
    if let Err(error) = freed {
        assert_eq!(error.is_out_of_range(), at >= index.capacity());
    } else if index.is_last_first() {
        // The last one freed comes first, at once.
        assert_eq!(index.allocate(), Some(at));
        assert!(index.try_free(at).is_ok());
    }
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn a_stack_agrees(capacity in capacity(), ops in vec(op(), 1..60)) {
        replay(Stack::new(capacity).unwrap(), capacity, &ops);
    }

    #[test]
    fn a_free_list_agrees(capacity in capacity(), ops in vec(op(), 1..60)) {
        replay(FreeList::new(capacity).unwrap(), capacity, &ops);
    }

    #[test]
    fn a_bitmap_agrees(capacity in capacity(), ops in vec(op(), 1..60)) {
        replay(Bitmap::new(capacity).unwrap(), capacity, &ops);
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn an_atomic_stack_agrees(capacity in capacity(), ops in vec(op(), 1..60)) {
        replay(AtomicStack::new(capacity).unwrap(), capacity, &ops);
    }

    #[test]
    fn an_atomic_bitmap_agrees(capacity in capacity(), ops in vec(op(), 1..60)) {
        replay(AtomicBitmap::new(capacity).unwrap(), capacity, &ops);
    }

    /// From wherever a search starts: the first free number from there on, or else the lowest.
    #[test]
    fn an_atomic_bitmap_looks_from_where_it_is_told(
        capacity in capacity(),
        steps in vec((any::<usize>(), any::<usize>(), 0_usize..5000), 1..20),
    ) {
        let bitmap = AtomicBitmap::new(capacity).unwrap();
        let mut naive = NaiveIndex::new(capacity);
        for n in 0..capacity {
            assert_eq!(bitmap.allocate_from(0), Some(n));
        }
        naive.handed_out(0..capacity);
        for (first, second, start) in steps {
            for pick in [first, second] {
                if let Some(number) = naive.used(pick) {
                    bitmap.free(number).unwrap();
                    naive.free(number..number + 1);
                }
            }
            let wrapped = start % capacity.max(1);
            let free = |n: &usize| !naive.is_in_use(*n);
            let first = (wrapped..capacity).find(free).or_else(|| (0..wrapped).find(free));
            assert_eq!(bitmap.allocate_from(start), first);
            if let Some(number) = first {
                naive.handed_out(number..number + 1);
            }
        }
    }
}

/// Whatever its borrowed words hold at first.
#[test]
fn dirty_storage_is_as_good_as_clean() {
    let mut words = [u64::MAX; 3];
    let mut bitmap = Bitmap::over(&mut words[..], 65).expect("three words");
    assert_eq!(std::iter::from_fn(|| bitmap.allocate()).count(), 65);
    let mut stack = Stack::over([7_u32; 65], [u64::MAX; 2]).expect("enough bits");
    assert_eq!(std::iter::from_fn(|| stack.allocate()).count(), 65);
    let mut list = FreeList::over([u32::MAX - 1; 65]).expect("it is small");
    assert_eq!(list.available(), 65);
    assert_eq!(std::iter::from_fn(|| list.allocate()).count(), 65);
    let dirty = |count| {
        (0..count)
            .map(|_| AtomicU64::new(u64::MAX))
            .collect::<Vec<_>>()
    };
    let words = dirty(AtomicStack::words_for(65).expect("it is small"));
    let stack = AtomicStack::over(&words[..], 65).expect("enough words");
    assert_eq!(std::iter::from_fn(|| stack.allocate()).count(), 65);
    let words = dirty(AtomicBitmap::words_for(65).expect("it is small"));
    let bitmap = AtomicBitmap::over(&words[..], 65).expect("enough words");
    assert_eq!(std::iter::from_fn(|| bitmap.allocate()).count(), 65);
}

/// Through the trait, a refused free is a panic.
#[test]
fn a_refused_free_through_the_trait_is_a_panic() {
    fn refuses(mut index: impl IndexAllocator) {
        let number = index.allocate().expect("one is free");
        index.free(number);
        assert!(flagstone_testkit::fuse::panics(|| index.free(number)));
        assert!(flagstone_testkit::fuse::panics(|| index.free(usize::MAX)));
        assert_eq!(index.available(), index.capacity());
    }
    refuses(Stack::new(3).expect("it is small"));
    refuses(FreeList::new(3).expect("it is small"));
    refuses(Bitmap::new(3).expect("it is small"));
    refuses(AtomicStack::new(3).expect("it is small"));
    refuses(AtomicBitmap::new(3).expect("it is small"));
}

/// Five levels, each of them crossed.
#[test]
fn a_deep_bitmap_finds_its_lowest_and_its_runs() {
    let capacity = if cfg!(miri) { 5_000 } else { 300_000 };
    let mut bitmap = Bitmap::new(capacity).expect("it can be numbered");
    assert_eq!(bitmap.allocate_run(capacity), Some(0));
    assert_eq!((bitmap.available(), bitmap.allocate()), (0, None));
    let holes = [0, 63, 64, 4095, 4096, capacity / 2, capacity - 1];
    for hole in holes.iter().rev() {
        bitmap.free(*hole).expect("it is in use");
        assert_eq!(bitmap.allocate(), Some(*hole));
        bitmap.free(*hole).expect("it is in use");
    }
    let found: Vec<_> = std::iter::from_fn(|| bitmap.allocate()).collect();
    assert_eq!(found, holes);
    bitmap
        .free_run(capacity - 200..capacity)
        .expect("they are in use");
    assert_eq!(bitmap.allocate_run(201), None);
    assert_eq!(bitmap.allocate_run(200), Some(capacity - 200));
}
