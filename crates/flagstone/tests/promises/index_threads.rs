//! Numbers that threads share are had by one thread each, are freed once, and are found while they are
//! free.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use flagstone::{
    IndexError,
    index::{AtomicBitmap, AtomicStack, SharedStorage},
};

const ROUNDS: usize = if cfg!(miri) { 20 } else { 3000 };
const THREADS: usize = 4;

/// What both structures do.
trait Shared: Sync {
    fn take(&self) -> Option<usize>;
    fn give(&self, index: usize) -> Result<(), IndexError>;
    fn free(&self) -> usize;
}

impl<S: SharedStorage<AtomicU64> + Sync> Shared for AtomicStack<S> {
    fn take(&self) -> Option<usize> {
        self.allocate()
    }
    fn give(&self, index: usize) -> Result<(), IndexError> {
        self.free(index)
    }
    fn free(&self) -> usize {
        self.available()
    }
}

impl<S: SharedStorage<flagstone::index::AtomicWord> + Sync> Shared for AtomicBitmap<S> {
    fn take(&self) -> Option<usize> {
        self.allocate()
    }
    fn give(&self, index: usize) -> Result<(), IndexError> {
        self.free(index)
    }
    fn free(&self) -> usize {
        self.available()
    }
}

/// Threads that hold two numbers at most and find one whenever fewer than all can be held: `capacity`
/// is what they can hold together.
fn owns(numbers: &[&dyn Shared]) {
    let capacity = numbers[0].free();
    let held: Vec<_> = (0..capacity).map(|_| AtomicBool::new(false)).collect();
    let all_at_once = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (numbers, held) = (numbers[thread % numbers.len()], &held);
            let all_at_once = &all_at_once;
            scope.spawn(move || {
                all_at_once.wait();
                for round in 0..ROUNDS {
                    let mine: Vec<_> = (0..=round % 2)
                        .map(|_| numbers.take().expect("a free number was not found"))
                        .collect();
                    for &number in &mine {
                        let other = held[number].swap(true, Ordering::Relaxed);
                        assert!(!other, "{number} was had twice");
                    }
                    for number in mine {
                        held[number].store(false, Ordering::Relaxed);
                        numbers.give(number).expect("it is in use");
                    }
                }
            });
        }
    });
    assert_eq!(numbers[0].free(), capacity);
}

#[test]
fn a_number_has_one_owner() {
    owns(&[&AtomicStack::new(2 * THREADS).unwrap()]);
    owns(&[&AtomicBitmap::new(2 * THREADS).unwrap()]);
    // In a tree, with a free number here and there.
    let sparse = AtomicBitmap::new(5000).unwrap();
    let used: Vec<_> = (0..5000).map_while(|_| sparse.allocate()).collect();
    assert_eq!(used.len(), 5000);
    for n in 0..2 * THREADS {
        sparse.free(n * 617).unwrap();
    }
    let held: Vec<_> = (0..5000).map(|_| AtomicBool::new(false)).collect();
    let all_at_once = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                all_at_once.wait();
                for round in 0..ROUNDS {
                    let start = round * 1237;
                    let mine = [start, start + 1].map(|from| {
                        let number = sparse.allocate_from(from).expect("not found");
                        assert!(!held[number].swap(true, Ordering::Relaxed));
                        number
                    });
                    for number in mine {
                        held[number].store(false, Ordering::Relaxed);
                        sparse.free(number).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(sparse.available(), 2 * THREADS);
}

/// As two processes would that map the same memory.
#[test]
fn two_views_of_the_same_words_are_one_structure() {
    let words = |count| (0..count).map(|_| AtomicU64::new(7)).collect::<Vec<_>>();
    let memory = words(AtomicStack::words_for(2 * THREADS).unwrap());
    let here = AtomicStack::over(&memory[..], 2 * THREADS).unwrap();
    let there = AtomicStack::attach(&memory[..]).unwrap();
    owns(&[&here, &there]);
    assert!(AtomicStack::attach(&memory[..memory.len() - 1]).is_err());
    let memory = words(AtomicBitmap::words_for(2 * THREADS).unwrap());
    let here = AtomicBitmap::over(&memory[..], 2 * THREADS).unwrap();
    let there = AtomicBitmap::attach(&memory[..], 2 * THREADS).unwrap();
    owns(&[&here, &there]);
    assert!(AtomicBitmap::attach(&memory[..memory.len() - 1], 2 * THREADS).is_err());
}

/// All free the same numbers at once.
fn freed_once(numbers: &dyn Shared) {
    let (freed, all_at_once) = (AtomicUsize::new(0), Barrier::new(THREADS));
    let used: Vec<_> = std::iter::from_fn(|| numbers.take()).collect();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                all_at_once.wait();
                let mine = used.iter().filter(|&&number| numbers.give(number).is_ok());
                freed.fetch_add(mine.count(), Ordering::Relaxed);
            });
        }
    });
    assert_eq!(freed.into_inner(), used.len());
    assert_eq!(numbers.free(), used.len());
}

#[test]
fn a_number_is_freed_once() {
    freed_once(&AtomicStack::new(ROUNDS).unwrap());
    freed_once(&AtomicBitmap::new(ROUNDS).unwrap());
}

/// Whoever comes between, a stack never says a number that was not the number of free ones.
#[test]
fn a_stack_counts_exactly_at_any_time() {
    let stack = AtomicStack::with_room(100, 200).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let number = stack.allocate().unwrap();
                    stack.free(number).unwrap();
                }
                done.store(true, Ordering::Relaxed);
            });
        }
        while !done.load(Ordering::Relaxed) {
            let available = stack.available();
            assert!((98..=100).contains(&available), "{available}");
        }
    });
    thread::scope(|scope| {
        scope.spawn(|| (0..100).for_each(|_| assert!(stack.grow(1))));
        let mut last = 100;
        while last < 200 {
            let available = stack.available();
            assert!(available >= last, "it only grows");
            last = available;
        }
    });
    assert_eq!((stack.capacity(), stack.available()), (200, 200));
}
