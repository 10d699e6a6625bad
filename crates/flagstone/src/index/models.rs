//! What threads do to numbers at once, in every interleaving within the stated bounds; and the same
//! with a bug planted, which each model must find.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p flagstone --lib index
//! ```

extern crate std;

use alloc::{sync::Arc, vec::Vec};

use super::{AtomicBitmap, AtomicStack};
use crate::sync::model::{explore, finds, thread};

/// What is handed out until there is nothing more.
fn drain(allocate: impl Fn() -> Option<usize>, capacity: usize) -> Vec<usize> {
    let drained: Vec<_> = core::iter::from_fn(allocate).take(capacity + 1).collect();
    assert!(drained.len() <= capacity, "a number was had twice");
    drained
}

/// Each number below `capacity` once.
fn assert_all(mut had: Vec<usize>, capacity: usize) {
    had.sort_unstable();
    let all: Vec<_> = (0..capacity).collect();
    assert_eq!(had, all, "a number was lost, or had twice");
}

/// Two take a number each, and one gives back what it had and takes another.
fn two_pop_and_one_pushes() {
    let stack = Arc::new(AtomicStack::new(3).unwrap());
    let held = stack.allocate().unwrap();
    let poppers = [(); 2].map(|()| {
        let stack = Arc::clone(&stack);
        thread::spawn(move || stack.allocate())
    });
    stack.free(held).unwrap();
    let mut had: Vec<_> = poppers
        .into_iter()
        .filter_map(|popper| popper.join().unwrap())
        .collect();
    assert_eq!(had.len(), 2, "a free number was not found");
    assert_eq!(stack.available(), 1);
    had.extend(drain(|| stack.allocate(), 3));
    assert_all(had, 3);
}

#[test]
fn a_number_of_a_stack_is_had_by_one_thread() {
    explore(two_pop_and_one_pushes);
}

#[test]
fn a_number_that_is_pushed_unseen_is_found() {
    finds("tagged: push is relaxed", two_pop_and_one_pushes);
}

/// One takes a number while another takes two and gives the first back: what is on top is the same
/// again, and what is below it is not.
fn pop_and_put_back() {
    let stack = Arc::new(AtomicStack::new(3).unwrap());
    let other = {
        let stack = Arc::clone(&stack);
        thread::spawn(move || {
            let first = stack.allocate();
            let second = stack.allocate();
            stack.free(first.unwrap()).unwrap();
            second
        })
    };
    let mine = stack.allocate();
    let theirs = other.join().unwrap();
    let mut had: Vec<_> = mine.into_iter().chain(theirs).collect();
    had.extend(drain(|| stack.allocate(), 3));
    assert_all(had, 3);
}

#[test]
fn a_stack_of_numbers_bears_their_return() {
    explore(pop_and_put_back);
}

#[test]
fn a_stack_of_numbers_without_tags_is_found() {
    finds("tagged: the tag is not bumped", pop_and_put_back);
}

/// Two free one number.
fn freed_twice_on_a_stack() {
    let stack = Arc::new(AtomicStack::new(2).unwrap());
    let held = stack.allocate().unwrap();
    let other = {
        let stack = Arc::clone(&stack);
        thread::spawn(move || stack.free(held).is_ok())
    };
    let mine = stack.free(held).is_ok();
    assert_ne!(mine, other.join().unwrap(), "one succeeds");
    assert_all(drain(|| stack.allocate(), 2), 2);
}

#[test]
fn a_number_of_a_stack_is_freed_once() {
    explore(freed_twice_on_a_stack);
}

#[test]
fn a_stack_that_lets_two_free_a_number_is_found() {
    finds("stack: freed by a load and a store", freed_twice_on_a_stack);
}

/// One number of three comes and goes.
fn counted_meanwhile() {
    let stack = Arc::new(AtomicStack::new(3).unwrap());
    let other = {
        let stack = Arc::clone(&stack);
        thread::spawn(move || stack.available())
    };
    let number = stack.allocate().unwrap();
    stack.free(number).unwrap();
    let available = other.join().unwrap();
    assert!([2, 3].contains(&available), "{available} were never free");
    assert_eq!(stack.available(), 3);
}

#[test]
fn a_stack_says_how_many_are_free_at_any_time() {
    explore(counted_meanwhile);
}

#[test]
fn a_count_of_another_time_is_found() {
    finds("tagged: looks once", counted_meanwhile);
}

/// One grows the stack while another empties it.
fn grown_meanwhile() {
    let stack = Arc::new(AtomicStack::with_room(1, 3).unwrap());
    let other = {
        let stack = Arc::clone(&stack);
        thread::spawn(move || [stack.allocate(), stack.allocate()])
    };
    assert!(stack.grow(2));
    let mut had: Vec<_> = other.join().unwrap().into_iter().flatten().collect();
    assert_eq!(stack.available(), 3 - had.len());
    had.extend(drain(|| stack.allocate(), 3));
    assert_all(had, 3);
}

#[test]
fn a_stack_grows_under_its_users() {
    explore(grown_meanwhile);
}

/// Two take numbers of one word, one of them after giving one back.
fn two_take_bits() {
    let bitmap = Arc::new(AtomicBitmap::new(2).unwrap());
    let held = bitmap.allocate().unwrap();
    let other = {
        let bitmap = Arc::clone(&bitmap);
        thread::spawn(move || bitmap.allocate())
    };
    bitmap.free(held).unwrap();
    let mut had: Vec<_> = bitmap.allocate().into_iter().collect();
    had.extend(other.join().unwrap());
    assert_all(had, 2);
}

#[test]
fn a_bit_is_had_by_one_thread() {
    explore(two_take_bits);
}

#[test]
fn a_bit_that_two_may_take_is_found() {
    finds("bitmap: taken by a load and a store", two_take_bits);
}

/// Two free one number.
fn freed_twice_on_a_bitmap() {
    let bitmap = Arc::new(AtomicBitmap::new(2).unwrap());
    let held = bitmap.allocate().unwrap();
    let other = {
        let bitmap = Arc::clone(&bitmap);
        thread::spawn(move || bitmap.free(held).is_ok())
    };
    let mine = bitmap.free(held).is_ok();
    assert_ne!(mine, other.join().unwrap(), "one succeeds");
    assert_all(drain(|| bitmap.allocate(), 2), 2);
}

#[test]
fn a_number_of_a_bitmap_is_freed_once() {
    explore(freed_twice_on_a_bitmap);
}

/// Numbers that are all in use but for `free`. Words have two bits here.
fn used(capacity: usize, free: &[usize]) -> Arc<AtomicBitmap> {
    let bitmap = AtomicBitmap::new(capacity).unwrap();
    assert_eq!(drain(|| bitmap.allocate(), capacity).len(), capacity);
    free.iter().for_each(|&number| bitmap.free(number).unwrap());
    Arc::new(bitmap)
}

/// One takes the last number of a word, the other frees one there and looks for it from elsewhere:
/// whichever the first has taken, the other is free all the time.
fn freed_where_another_empties(capacity: usize) {
    let bitmap = used(capacity, &[0]);
    let other = {
        let bitmap = Arc::clone(&bitmap);
        thread::spawn(move || bitmap.allocate_from(0))
    };
    bitmap.free(1).unwrap();
    let mine = bitmap.allocate_from(capacity - 1);
    let theirs = other.join().unwrap();
    let had: Vec<_> = mine.into_iter().chain(theirs).collect();
    assert_all(had, 2);
}

#[test]
fn a_number_that_is_free_all_the_time_is_found() {
    explore(|| freed_where_another_empties(4));
}

#[test]
fn a_number_that_is_free_all_the_time_is_found_in_a_tree() {
    explore(|| freed_where_another_empties(8));
}

#[test]
fn an_unannounced_clear_is_found() {
    finds("bitmap: clears are not announced", || {
        freed_where_another_empties(4);
    });
}

#[test]
fn a_clear_that_is_not_looked_at_again_is_found() {
    finds("bitmap: not looked at again", || {
        freed_where_another_empties(4);
    });
}

#[test]
fn a_free_that_leaves_the_tree_alone_is_found() {
    finds("bitmap: free sets one bit", || {
        freed_where_another_empties(8);
    });
}

/// Two free numbers of one word, and one of them looks from elsewhere.
fn two_free_in_one_word() {
    let bitmap = used(4, &[]);
    let other = {
        let bitmap = Arc::clone(&bitmap);
        thread::spawn(move || bitmap.free(0).unwrap())
    };
    bitmap.free(1).unwrap();
    assert!(
        bitmap.allocate_from(3).is_some(),
        "a free number was not found"
    );
    other.join().unwrap();
}

#[test]
fn who_frees_first_is_not_waited_for() {
    explore(two_free_in_one_word);
}

#[test]
fn a_free_that_relies_on_another_is_found() {
    finds(
        "bitmap: only the first free looks above",
        two_free_in_one_word,
    );
}

/// Two words below one are emptied at once, and something comes back below the first of them. Not at
/// the start of the tree, where a search comes by in any case.
fn two_empty_and_one_comes_back() {
    let bitmap = used(16, &[4, 6]);
    let other = {
        let bitmap = Arc::clone(&bitmap);
        thread::spawn(move || {
            bitmap.free(5).unwrap();
            bitmap.allocate_from(6)
        })
    };
    let mine = bitmap.allocate_from(4);
    let theirs = other.join().unwrap();
    let last = bitmap.allocate_from(15);
    let mut had: Vec<_> = [mine, theirs, last].into_iter().flatten().collect();
    had.sort_unstable();
    assert_eq!(had, [4, 5, 6], "a number was lost, or had twice");
}

#[test]
fn a_number_is_found_while_words_beside_it_are_emptied() {
    explore(two_empty_and_one_comes_back);
}

#[test]
fn a_number_restored_by_one_level_is_found() {
    finds(
        "bitmap: restored by one level",
        two_empty_and_one_comes_back,
    );
}

/// Three threads take and give back for long, each number with one at a time.
#[cfg(shuttle)]
fn long_use<I: Sync + Send + 'static>(
    index: I,
    capacity: usize,
    allocate: fn(&I) -> Option<usize>,
    free: fn(&I, usize),
) {
    let index = Arc::new(index);
    let held = Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
    let users = [(); 3].map(|()| {
        let (index, held) = (Arc::clone(&index), Arc::clone(&held));
        thread::spawn(move || {
            let mut mine = Vec::new();
            for round in 0..24 {
                if let Some(number) = allocate(&index) {
                    assert!(held.lock().unwrap().insert(number), "had twice");
                    mine.push(number);
                }
                // In another order than they came.
                if round % 3 != 0 && !mine.is_empty() {
                    let number = mine.swap_remove(0);
                    assert!(held.lock().unwrap().remove(&number));
                    free(&index, number);
                }
            }
            for number in mine {
                held.lock().unwrap().remove(&number);
                free(&index, number);
            }
        })
    });
    for user in users {
        user.join().unwrap();
    }
    assert_all(drain(|| allocate(&index), capacity), capacity);
}

#[cfg(shuttle)]
#[test]
fn a_stack_in_long_use() {
    explore(|| {
        let stack = AtomicStack::new(5).unwrap();
        long_use(stack, 5, AtomicStack::allocate, |stack, number| {
            stack.free(number).unwrap();
        });
    });
}

#[cfg(shuttle)]
#[test]
fn a_bitmap_in_long_use() {
    explore(|| {
        let bitmap = AtomicBitmap::new(7).unwrap();
        long_use(bitmap, 7, AtomicBitmap::allocate, |bitmap, number| {
            bitmap.free(number).unwrap();
        });
    });
}
