//! A cache of objects: they stay constructed in their slots, and each is discarded once.

use std::{
    cell::Cell,
    mem::MaybeUninit,
    sync::{
        Arc,
        atomic::{AtomicIsize, AtomicUsize, Ordering},
    },
    thread,
};

use flagstone::{
    OwnedHandle,
    provider::ByteRegion,
    slab::{AtAcquire, FnRecycle, NoLock, Recycle, RecycleBox, RecycleCache, SpinLock},
};
use flagstone_testkit::{
    fuse::{Fuse, blows},
    leaked::forever,
    provider::{Counting, FailNth},
};
use proptest::prelude::*;

/// What happened to objects.
#[derive(Default)]
struct Books {
    created: AtomicUsize,
    reset: AtomicUsize,
    discarded: AtomicUsize,
    live: AtomicIsize,
}

impl Books {
    fn counts(&self) -> (usize, usize, usize) {
        let read = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (
            read(&self.created),
            read(&self.reset),
            read(&self.discarded),
        )
    }

    fn live(&self) -> isize {
        self.live.load(Ordering::Relaxed)
    }
}

/// An object of its own memory, so that one that is lost or ended twice is seen.
struct Object {
    name: Box<usize>,
    uses: u32,
    broken: bool,
    books: Arc<Books>,
}

impl Drop for Object {
    fn drop(&mut self) {
        self.books.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes objects, counts, and panics when it is told to.
struct Maker {
    books: Arc<Books>,
    create: Fuse,
    reset: Fuse,
    check: Fuse,
    discard: Fuse,
}

impl Maker {
    fn new() -> (Self, Arc<Books>) {
        let books = Arc::new(Books::default());
        let maker = Self {
            books: Arc::clone(&books),
            create: Fuse::never(),
            reset: Fuse::never(),
            check: Fuse::never(),
            discard: Fuse::never(),
        };
        (maker, books)
    }
}

impl Recycle<Object> for Maker {
    fn create(&self) -> Object {
        self.create.tick();
        self.books.live.fetch_add(1, Ordering::Relaxed);
        Object {
            name: Box::new(self.books.created.fetch_add(1, Ordering::Relaxed)),
            uses: 0,
            broken: false,
            books: Arc::clone(&self.books),
        }
    }

    fn reset(&self, object: &mut Object) {
        self.reset.tick();
        self.books.reset.fetch_add(1, Ordering::Relaxed);
        object.uses = 0;
    }

    fn is_valid(&self, object: &Object) -> bool {
        self.check.tick();
        !object.broken
    }

    fn discard(&self, object: Object) {
        self.books.discarded.fetch_add(1, Ordering::Relaxed);
        drop(object);
        self.discard.tick();
    }
}

#[test]
fn objects_stay_in_their_slots() {
    let (maker, books) = Maker::new();
    let counting = <Counting>::default();
    let cache = RecycleCache::<_, _, SpinLock, 4096, _>::new_in(maker, &counting).unwrap();
    for round in 0..50 {
        let mut object = cache.acquire().unwrap();
        assert_eq!(object.uses, 0, "reset");
        object.uses = round + 1;
    }
    let (created, reset, discarded) = books.counts();
    assert!(
        created <= 17,
        "{created}: as many as are made ready at once"
    );
    assert_eq!((reset, discarded), (50, 0));
    let held: Vec<_> = (0..100).map(|_| cache.acquire().unwrap()).collect();
    let names: Vec<_> = held.iter().map(|object| *object.name).collect();
    drop(held);
    let again: Vec<_> = (0..100).map(|_| cache.acquire().unwrap()).collect();
    let found = again.iter().filter(|object| names.contains(&object.name));
    assert!(found.count() > 50, "most are used again");
    drop((again, cache));
    let (created, _, discarded) = books.counts();
    assert_eq!((created, books.live()), (discarded, 0));
    assert_eq!(counting.live(), 0);
}

#[test]
fn objects_are_reset_when_their_recycle_says() {
    let resets = Cell::new(0);
    let recycle = FnRecycle::new(|| 1_u8, |_: &mut u8| resets.set(resets.get() + 1));
    let cache = RecycleCache::<_, _, NoLock, 1024>::new(AtAcquire(&recycle)).unwrap();
    let held: Vec<_> = (0..40).map(|_| cache.acquire().unwrap()).collect();
    drop(held);
    assert_eq!(resets.get(), 0);
    let held: Vec<_> = (0..40).map(|_| cache.acquire().unwrap()).collect();
    assert!(resets.get() >= 20);
    drop(held);
    let before = resets.get();
    let cache = RecycleCache::<_, _, NoLock, 1024>::new(&recycle).unwrap();
    drop(cache.acquire().unwrap());
    assert_eq!(resets.get(), before + 1);
}

#[test]
fn what_is_not_valid_is_discarded() {
    let (maker, books) = Maker::new();
    let cache = RecycleCache::<_, _, NoLock, 2048>::new(maker).unwrap();
    let mut held: Vec<_> = (0..30).map(|_| cache.acquire().unwrap()).collect();
    for object in &mut held {
        object.broken = true;
    }
    drop(held);
    let held: Vec<_> = (0..200).map(|_| cache.acquire().unwrap()).collect();
    assert!(held.iter().all(|object| !object.broken));
    let (created, _, discarded) = books.counts();
    assert_eq!((created - discarded, discarded), (200, 30));
    // One may be taken for good.
    let mine = OwnedHandle::into_inner(held.into_iter().next().unwrap());
    drop(cache);
    assert_eq!(books.live(), 1);
    drop(mine);
    assert_eq!(books.live(), 0);
}

#[test]
fn boxes_outlive_the_cache_and_objects_end_with_their_slab() {
    let (maker, books) = Maker::new();
    let provider = forever(<Counting>::default());
    let cache = RecycleCache::<_, _, SpinLock, 1024, _>::new_in(maker, provider).unwrap();
    let held: Vec<RecycleBox<_, _, SpinLock, 1024, _>> =
        (0..100).map(|_| cache.acquire().unwrap()).collect();
    drop(cache);
    thread::spawn(move || drop(held)).join().unwrap();
    let (created, _, discarded) = books.counts();
    assert_eq!((created, discarded, books.live()), (100, 100, 0));
    assert_eq!(provider.live(), 0);
}

#[test]
fn panics_lose_no_slot_and_no_object() {
    let (maker, books) = Maker::new();
    let mut bytes = [MaybeUninit::uninit(); 4096];
    let region = ByteRegion::new(&mut bytes);
    let cache = RecycleCache::<_, _, NoLock, 1024, _>::new_in(maker, &region).unwrap();
    let fill = || {
        let mut held = Vec::new();
        while let Ok(object) = cache.acquire() {
            held.push(object);
        }
        held
    };
    let all = fill().len();
    let maker = cache.recycle();
    for round in 1..=2 * all {
        maker.reset.set(round % all + 1);
        let held = fill();
        assert!(held.len() == all && blows(|| drop(held)));
        assert_eq!(fill().len(), all);
        maker.check.set(round % 3 + 1);
        let mut held = Vec::new();
        assert!(blows(|| held = fill()));
        drop(held);
        assert_eq!(fill().len(), all);
        // Those whose reset or check panicked are gone, and one new one is not made.
        maker.create.set(1);
        let _ = blows(|| drop(fill()));
        maker.create.set(0);
        assert_eq!(fill().len(), all);
    }
    maker.discard.set(2);
    assert!(blows(|| drop(cache)));
    assert_eq!(books.live(), 0, "the others are discarded all the same");
}

#[test]
fn a_maker_may_use_the_cache() {
    type Cache = RecycleCache<u64, Nested, NoLock, 512>;
    struct Nested(std::rc::Rc<std::cell::RefCell<Option<Cache>>>, Cell<u32>);
    impl Recycle<u64> for Nested {
        fn create(&self) -> u64 {
            let deep = self.1.get();
            if deep < 3 {
                self.1.set(deep + 1);
                if let Some(cache) = &*self.0.borrow() {
                    drop(cache.acquire().unwrap());
                }
                self.1.set(deep);
            }
            7
        }
        fn reset(&self, object: &mut u64) {
            *object = 7;
        }
    }
    let slot = std::rc::Rc::new(std::cell::RefCell::new(None));
    let cache = Cache::new(Nested(slot.clone(), Cell::new(0))).unwrap();
    *slot.borrow_mut() = Some(cache.clone());
    let held: Vec<_> = (0..300).map(|_| cache.acquire().unwrap()).collect();
    assert!(held.iter().all(|object| **object == 7));
    drop(held);
    let inner = slot.borrow_mut().take();
    drop(inner);
}

#[test]
fn a_refused_acquire_makes_nothing() {
    let (maker, books) = Maker::new();
    let provider = <FailNth>::after(2);
    let cache = RecycleCache::<_, _, SpinLock, 1024, _>::new_in(maker, &provider).unwrap();
    let mut held = Vec::new();
    while let Ok(object) = cache.acquire() {
        held.push(object);
    }
    assert_eq!(
        held.len(),
        RecycleCache::<Object, Maker, SpinLock, 1024>::SLOTS_PER_SLAB
    );
    assert!(cache.acquire().is_err());
    assert_eq!(books.counts().0, held.len());
    let (maker, _) = Maker::new();
    assert!(RecycleCache::<_, _, NoLock, 1024, _>::new_in(maker, <FailNth>::after(1)).is_err());
}

#[test]
fn threads_pass_objects_around() {
    let (maker, books) = Maker::new();
    let cache = RecycleCache::<_, _, SpinLock, 1024>::new(maker).unwrap();
    thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::sync_channel(16);
        for _ in 0..2 {
            let (cache, sender) = (cache.clone(), sender.clone());
            scope.spawn(move || {
                for n in 0..1500 {
                    let mut object = cache.acquire().unwrap();
                    assert_eq!(object.uses, 0);
                    object.uses = n;
                    if n % 2 == 0 {
                        sender.send(object).unwrap();
                    }
                }
            });
        }
        drop(sender);
        for object in receiver {
            assert!(*object.name < 3000);
        }
    });
    drop(cache);
    let (created, _, discarded) = books.counts();
    assert_eq!((created, books.live()), (discarded, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(flagstone_asan) { 8 } else { 32 }))]

    /// Whatever is done, objects are neither lost nor ended twice, and no more are made than were needed.
    #[test]
    fn objects_are_conserved(steps in proptest::collection::vec((0..10_u8, any::<usize>()), 1..300)) {
        let (maker, books) = Maker::new();
        let counting = <Counting>::default();
        let mut caches =
            vec![RecycleCache::<_, _, NoLock, 1024, _>::new_in(maker, &counting).unwrap()];
        let mut held = Vec::new();
        for (what, at) in steps {
            match what {
                0..=4 if !caches.is_empty() => held.push(caches[at % caches.len()].acquire().unwrap()),
                5..=7 if !held.is_empty() => drop(held.swap_remove(at % held.len())),
                8 if !held.is_empty() => {
                    let at = at % held.len();
                    held[at].broken = true;
                }
                9 if at % 3 == 0 && !caches.is_empty() => {
                    let clone = caches[at % caches.len()].clone();
                    caches.push(clone);
                }
                9 if at % 3 == 1 && caches.len() > 1 => drop(caches.swap_remove(at % caches.len())),
                9 if !caches.is_empty() => drop(caches[0].shrink_to_fit()),
                _ => {}
            }
            let (created, _, discarded) = books.counts();
            prop_assert_eq!(books.live(), created as isize - discarded as isize);
            prop_assert!(books.live() >= held.len() as isize);
        }
        drop(caches);
        drop(held);
        prop_assert_eq!(books.live(), 0);
        prop_assert_eq!(counting.live(), 0);
    }
}

#[test]
fn review_into_inner_loses_no_object_when_the_end_of_another_panics() {
    let (maker, books) = Maker::new();
    maker.discard.set(1);
    let cache = RecycleCache::<_, _, SpinLock, 4096>::new(maker).unwrap();
    let one = cache.acquire().unwrap();
    let two = cache.acquire().unwrap();
    drop(cache);
    drop(one);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        drop(OwnedHandle::into_inner(two))
    }));
    assert!(caught.is_err());
    assert_eq!(books.live(), 0);
}
