//! A handle does what its value does.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashSet, hash_map::DefaultHasher},
    error::Error,
    future::Future,
    hash::{Hash, Hasher},
    io::{BufRead, Cursor, Read, Seek, SeekFrom, Write},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use flagstone::{FixedPool, GrowingPool, OwnedHandle};
use flagstone_testkit::{
    fuse::{blow, blows},
    value::{Census, Tracked},
};

#[test]
fn it_compares_hashes_and_prints_as_its_value() {
    let pool = GrowingPool::new(4);
    let (one, two, other) = (pool.alloc("1"), pool.alloc("2"), pool.alloc("1"));
    let (one, two, other) = (one.unwrap(), two.unwrap(), other.unwrap());
    assert!(one == other && one != two && one < two);
    assert_eq!(one.cmp(&two), "1".cmp("2"));
    assert_eq!(
        (format!("{one}"), format!("{one:?}")),
        ("1".into(), "\"1\"".into())
    );
    assert_eq!(
        format!("{one:p}"),
        format!("{:p}", OwnedHandle::as_ptr(&one))
    );
    assert_eq!(HashSet::from([one]).len(), 1);
    // By its value, too: a set of handles can be asked for a value.
    let set = BTreeSet::from([two, other]);
    assert!(set.contains(&"1") && !set.contains(&"3"));
}

#[test]
fn it_iterates_as_its_value() {
    let pool = FixedPool::new(2);
    let mut numbers = pool.alloc(0..10).unwrap();
    assert_eq!(
        (numbers.next(), numbers.next_back(), numbers.nth(1)),
        (Some(0), Some(9), Some(2))
    );
    assert_eq!(
        (numbers.len(), numbers.nth_back(1), numbers.size_hint()),
        (6, Some(7), (4, Some(4)))
    );
    assert_eq!(numbers.by_ref().sum::<i32>(), 3 + 4 + 5 + 6);
}

#[test]
fn it_hashes_into_its_value() {
    let pool = FixedPool::new(1);
    let mut hasher = pool.alloc(DefaultHasher::new()).unwrap();
    let mut plain = DefaultHasher::new();
    7_u64.hash(&mut hasher);
    7_u64.hash(&mut plain);
    assert_eq!(Hasher::finish(&hasher), plain.finish());
}

#[test]
fn it_reads_writes_and_seeks_as_its_value() {
    let pool = FixedPool::new(1);
    let mut file = pool.alloc(Cursor::new(Vec::new())).unwrap();
    file.write_all(b"two\nlines\n").unwrap();
    file.flush().unwrap();
    assert_eq!(file.seek(SeekFrom::Start(4)).unwrap(), 4);
    let mut text = String::new();
    assert_eq!(file.read_line(&mut text).unwrap(), 6);
    file.rewind().unwrap();
    let mut bytes = [0; 3];
    file.read_exact(&mut bytes).unwrap();
    assert_eq!((text.as_str(), &bytes), ("lines\n", b"two"));
}

#[test]
fn it_is_the_error_that_its_value_is() {
    let pool = FixedPool::new(1);
    let error = pool.alloc("x".parse::<u8>().unwrap_err()).unwrap();
    let shown = error.to_string();
    let error: &dyn Error = &error;
    assert_eq!((error.to_string(), error.source().is_none()), (shown, true));
}

/// Ready at the second poll; must not be moved in between.
struct Second {
    polled: Cell<u32>,
    place: Cell<usize>,
    _pinned: std::marker::PhantomPinned,
}

impl Future for Second {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<u32> {
        let place = std::ptr::from_ref(&*self).addr();
        self.polled.set(self.polled.get() + 1);
        if self.polled.get() == 1 {
            self.place.set(place);
            return Poll::Pending;
        }
        assert_eq!(self.place.get(), place, "it was moved");
        Poll::Ready(self.polled.get())
    }
}

#[test]
fn a_future_can_be_pinned_in_its_slot() {
    let pool = GrowingPool::new(1);
    let future = pool.alloc(Second {
        polled: Cell::new(0),
        place: Cell::new(0),
        _pinned: std::marker::PhantomPinned,
    });
    let mut future = OwnedHandle::into_pin(future.unwrap());
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(future.as_mut().poll(&mut context), Poll::Pending);
    // The pinned handle moves, the future does not.
    let mut moved = Box::new(future);
    assert_eq!(moved.as_mut().as_mut().poll(&mut context), Poll::Ready(2));
    drop(moved);
    assert!(pool.is_empty());
}

#[test]
fn a_future_that_may_move_is_polled_through_its_handle() {
    let pool = FixedPool::new(1);
    let mut ready = pin!(pool.alloc(std::future::ready(5)).unwrap());
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(ready.as_mut().poll(&mut context), Poll::Ready(5));
}

#[test]
fn it_is_a_reference_to_its_value() {
    let pool = FixedPool::new(1);
    let mut text = pool.alloc(String::from("flag")).unwrap();
    AsMut::<String>::as_mut(&mut text).push_str("stone");
    assert_eq!(AsRef::<String>::as_ref(&text), "flagstone");
    assert_eq!(
        std::ptr::from_ref(&*text),
        OwnedHandle::as_ptr(&text).as_ptr().cast_const()
    );
}

#[test]
fn a_handle_to_a_part_keeps_and_drops_the_whole() {
    let census = Census::default();
    let pool = FixedPool::new(1);
    let whole = pool.alloc((census.tracked::<()>(), [5, 6, 7])).unwrap();
    let mut array = OwnedHandle::map(whole, |whole| &mut whole.1);
    array[0] = 1;
    // A part of a part, and a slice.
    let mut slice = OwnedHandle::map(array, |array| &mut array[..2]);
    slice[1] += 1;
    assert_eq!(*slice, [1, 7]);
    assert_eq!((census.live(), pool.in_use()), (1, 1));
    drop(slice);
    assert_eq!((census.live(), pool.in_use()), (0, 0));
}

trait Speak {
    fn speak(&mut self) -> String;
}

struct Dog(Tracked);
struct Cat(Tracked, u32);

impl Speak for Dog {
    fn speak(&mut self) -> String {
        format!("woof {}", self.0.id())
    }
}

impl Speak for Cat {
    fn speak(&mut self) -> String {
        self.1 += 1;
        format!("meow {} {}", self.0.id(), self.1)
    }
}

#[test]
fn a_handle_to_a_trait_object_drops_its_value() {
    let census = Census::default();
    let (dogs, cats) = (GrowingPool::new(1), FixedPool::new(1));
    let dog = dogs.alloc(Dog(census.tracked())).unwrap();
    let mut dog = OwnedHandle::map(dog, |dog| dog as &mut dyn Speak);
    let cat = cats.alloc(Cat(census.tracked(), 0)).unwrap();
    let mut cat = OwnedHandle::map(cat, |cat| cat as &mut dyn Speak);
    assert_eq!(
        (dog.speak(), cat.speak()),
        ("woof 1".into(), "meow 2 1".into())
    );
    drop((dog, cat));
    assert_eq!(census.live(), 0);
    assert!(dogs.is_empty() && cats.is_empty());
}

#[test]
fn a_panic_while_mapping_loses_nothing() {
    let census = Census::default();
    let pool = FixedPool::new(1);
    let handle = pool.alloc(census.tracked::<()>()).unwrap();
    assert!(blows(|| drop(OwnedHandle::map(handle, |_| -> &mut u8 {
        blow()
    }))));
    assert_eq!((census.live(), pool.in_use()), (0, 0));
}
