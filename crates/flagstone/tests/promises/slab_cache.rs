//! A slab cache: slots of any size are had once, come home from anywhere, and their memory goes back.
#![expect(unsafe_code, reason = "boxes from raw pointers")]

use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    fmt::Debug,
    rc::Rc,
    sync::mpsc,
    thread,
};

use flagstone::{
    AllocErrorKind, OwnedHandle, Provider,
    provider::{ByteRegion, Global, StaticRegion},
    slab::{NoLock, SlabBox, SlabCache, SpinLock},
    sync::DefaultLock,
};
use flagstone_testkit::{
    fuse::{blow, blows},
    leaked::Leaked,
    provider::{Call, Counting, FailNth, Lie, Lying, Reentrant},
    value::Census,
};
use lock_api::RawMutex;
use proptest::prelude::*;

/// Fills three slabs and a half, looks at all values, and empties them in two different orders.
fn every_slot_is_had_once<T: Copy + Eq + Debug, L: RawMutex + 'static, const SLAB: usize>(
    value: impl Fn(usize) -> T,
) {
    let counting = <Counting>::default();
    let cache = SlabCache::<T, L, SLAB, _>::new_in(&counting).unwrap();
    let slots = SlabCache::<T, L, SLAB>::SLOTS_PER_SLAB;
    assert!(slots >= 2);
    for round in 0..3 {
        let count = 3 * slots + slots / 2;
        let mut boxes: Vec<_> = (0..count).map(|n| cache.alloc(value(n)).unwrap()).collect();
        let places: HashSet<_> = boxes.iter().map(OwnedHandle::as_ptr).collect();
        assert_eq!(places.len(), count);
        for (n, at) in boxes.iter().enumerate() {
            assert_eq!(**at, value(n));
            assert!(OwnedHandle::as_ptr(at).is_aligned());
        }
        assert!(cache.slabs() >= 4);
        match round {
            0 => drop(boxes),
            1 => while boxes.pop().is_some() {},
            _ => {
                while !boxes.is_empty() {
                    let at = (boxes.len() * 7919) % boxes.len().max(3);
                    boxes.swap_remove(at.min(boxes.len() - 1));
                }
            }
        }
        assert!(cache.slabs() <= 4, "{} slabs stay", cache.slabs());
    }
    drop(cache);
    assert_eq!(counting.live(), 0);
}

/// The same under every kind of lock.
fn under_all_locks<T: Copy + Eq + Debug, const SLAB: usize>(value: impl Fn(usize) -> T) {
    every_slot_is_had_once::<T, NoLock, SLAB>(&value);
    every_slot_is_had_once::<T, SpinLock, SLAB>(&value);
    every_slot_is_had_once::<T, DefaultLock, SLAB>(&value);
}

#[repr(align(256))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Wide(u16);

#[test]
fn slots_of_any_size_are_had_once() {
    under_all_locks::<(), 512>(|_| ());
    under_all_locks::<u8, 512>(|n| n as u8);
    under_all_locks::<bool, 4096>(|n| n % 3 == 0);
    under_all_locks::<u16, 1024>(|n| n as u16);
    under_all_locks::<[u8; 3], 1024>(|n| [n as u8, 1, 2]);
    under_all_locks::<u32, 1024>(|n| n as u32);
    under_all_locks::<[u8; 5], 1024>(|n| [n as u8; 5]);
    under_all_locks::<u64, 4096>(|n| n as u64);
    under_all_locks::<[u8; 100], 4096>(|n| [n as u8; 100]);
    under_all_locks::<[u64; 8], { 64 * 1024 }>(|n| [n as u64; 8]);
    under_all_locks::<Wide, 4096>(|n| Wide(n as u16));
}

#[test]
fn a_slab_may_have_more_slots_than_two_bytes_count() {
    fn many<T: Copy + PartialEq + Debug, const SLAB: usize>(value: impl Fn(usize) -> T) {
        let cache = SlabCache::<T, SpinLock, SLAB>::new().unwrap();
        let slots = SlabCache::<T, SpinLock, SLAB>::SLOTS_PER_SLAB;
        assert!(slots > 1 << 16);
        let boxes: Vec<_> = (0..slots).map(|n| cache.alloc(value(n)).unwrap()).collect();
        assert_eq!(cache.slabs(), 1);
        assert!(boxes.iter().enumerate().all(|(n, made)| **made == value(n)));
        drop(boxes);
        let again: Vec<_> = (0..slots).map(|n| cache.alloc(value(n)).unwrap()).collect();
        assert_eq!((again.len(), cache.slabs()), (slots, 1));
    }
    many::<u32, { 1 << 19 }>(|n| n as u32);
    many::<u8, { 1 << 17 }>(|n| n as u8);
}

#[test]
fn a_box_is_one_word() {
    assert_eq!(size_of::<SlabBox<String>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<SlabBox<u8>>>(), size_of::<usize>());
}

#[test]
fn boxes_outlive_their_cache_and_the_last_one_returns_everything() {
    fn outlives<L: RawMutex + 'static>() {
        let counting = <Counting>::default();
        let cache = SlabCache::<String, L, 1024, _>::new_in(&counting).unwrap();
        let clone = cache.clone();
        let mut boxes: Vec<_> = (0..200)
            .map(|n| {
                if n % 2 == 0 { &cache } else { &clone }
                    .alloc(n.to_string())
                    .unwrap()
            })
            .collect();
        drop(cache);
        drop(clone);
        // No empty slab waits for anybody.
        let mut live = counting.live();
        boxes.rotate_left(77);
        while let Some(last) = boxes.pop() {
            assert!(last.parse::<usize>().unwrap() < 200);
            drop(last);
            assert!(counting.live() <= live);
            live = counting.live();
        }
        assert_eq!(live, 0);
    }
    outlives::<NoLock>();
    outlives::<SpinLock>();
    outlives::<DefaultLock>();
}

#[test]
fn values_at_a_boundary_ask_the_provider_for_nothing() {
    fn steady<L: RawMutex + 'static>() {
        let counting = <Counting>::default();
        let cache = SlabCache::<[u64; 16], L, 4096, _>::new_in(&counting).unwrap();
        let slots = SlabCache::<[u64; 16], L, 4096>::SLOTS_PER_SLAB;
        for around in [slots - 1, slots, slots + 1, 2 * slots, 5 * slots] {
            let mut boxes: Vec<_> = (0..around).map(|_| cache.alloc([0; 16]).unwrap()).collect();
            let more: Vec<_> = (0..slots).map(|_| cache.alloc([1; 16]).unwrap()).collect();
            drop(more);
            let calls = counting.calls();
            for n in 0..4 * slots {
                let more: Vec<_> = (0..n % slots)
                    .map(|_| cache.alloc([1; 16]).unwrap())
                    .collect();
                drop(more);
                drop(boxes.pop());
                boxes.push(cache.alloc([2; 16]).unwrap());
            }
            assert_eq!(counting.calls(), calls, "around {around} values");
            // Values that end in the order they came leave holes, for which there is one more slab.
            for _ in 0..20 * around {
                drop(boxes.remove(0));
                boxes.push(cache.alloc([3; 16]).unwrap());
            }
            assert!(counting.calls() <= calls + 1, "around {around} values");
        }
    }
    steady::<NoLock>();
    steady::<SpinLock>();
}

#[test]
fn empty_slabs_go_back_but_for_an_eighth() {
    let counting = <Counting>::default();
    let cache = SlabCache::<u64, SpinLock, 1024, _>::new_in(&counting).unwrap();
    let boxes: Vec<_> = (0..10_000).map(|n| cache.alloc(n).unwrap()).collect();
    let most = cache.slabs();
    assert_eq!(counting.live(), most + 1);
    drop(boxes);
    assert!(cache.slabs() <= 3, "{} of {most} slabs stay", cache.slabs());
    assert!(cache.slabs() >= 2, "one of its own, and one for the next");
    assert_eq!(counting.live(), cache.slabs() + 1);
    assert!(cache.shrink_to_fit() >= 1);
    assert_eq!((cache.slabs(), cache.shrink_to_fit()), (1, 0));
    assert_eq!(*cache.alloc(3).unwrap(), 3);
}

#[test]
fn a_region_is_used_to_its_last_slot() {
    fn exhaust<L: RawMutex + 'static>() {
        let mut bytes = [core::mem::MaybeUninit::uninit(); 20_000];
        let region = ByteRegion::new(&mut bytes);
        let cache = SlabCache::<u32, L, 1024, _>::new_in(&region).unwrap();
        let mut boxes = Vec::new();
        let refused = loop {
            match cache.alloc(boxes.len() as u32) {
                Ok(more) => boxes.push(more),
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused.kind(), AllocErrorKind::OutOfMemory);
        assert_eq!(refused.into_inner() as usize, boxes.len());
        let slots = SlabCache::<u32, L, 1024>::SLOTS_PER_SLAB;
        assert_eq!(boxes.len(), cache.slabs() * slots);
        // Each single slot that is free is found, wherever it is.
        for at in 0..boxes.len() {
            drop(boxes.swap_remove(at));
            boxes.push(cache.alloc(at as u32).expect("one is free"));
            cache.alloc(0).unwrap_err();
        }
        // Also by another cache, once the first has given its slab up.
        let clone = cache.clone();
        drop(cache);
        drop(boxes.pop());
        boxes.push(clone.alloc(1).expect("one is free"));
        clone.alloc(0).unwrap_err();
    }
    exhaust::<NoLock>();
    exhaust::<SpinLock>();
}

#[test]
fn a_cache_lives_in_a_static() {
    static MEMORY: StaticRegion<{ 32 * 1024 }> = StaticRegion::new();
    let cache = SlabCache::<Box<u32>, SpinLock, 1024, _>::new_in(&MEMORY).unwrap();
    let kept = cache.alloc(Box::new(5)).unwrap();
    let pinned = OwnedHandle::into_pin(cache.alloc(Box::new(6)).unwrap());
    drop(cache);
    thread::spawn(move || assert_eq!((**kept, **pinned), (5, 6)))
        .join()
        .unwrap();
}

#[test]
fn what_refuses_leaves_everything_as_it_was() {
    for nth in 1..12 {
        let failing = Counting::new(<FailNth>::only(nth));
        let census = Census::default();
        let Ok(cache) = SlabCache::<_, SpinLock, 1024, _>::new_in(&failing) else {
            assert_eq!((nth <= 2, failing.live()), (true, 0));
            continue;
        };
        let mut boxes = Vec::new();
        let mut refused = 0;
        for _ in 0..300 {
            match cache.alloc(census.tracked::<[u64; 4]>()) {
                Ok(made) => boxes.push(made),
                Err(error) => {
                    refused += 1;
                    drop(error.into_inner());
                }
            }
        }
        assert_eq!(
            refused,
            usize::from(failing.inner().refused() > 0 && nth > 2)
        );
        assert_eq!(census.live(), boxes.len());
        drop(cache);
        drop(boxes);
        assert_eq!((census.live(), failing.live()), (0, 0));
    }
}

#[test]
fn wrong_chunks_are_refused() {
    for lie in [Lie::Short, Lie::Misaligned] {
        for nth in 1..5 {
            let lying = Lying::at(nth, lie);
            let Ok(cache) = SlabCache::<u64, SpinLock, 1024, _>::new_in(&lying) else {
                assert!(nth <= 2);
                continue;
            };
            let boxes: Vec<_> = (0..1000).map(|n| cache.alloc(n)).collect();
            let refused = boxes.iter().filter(|made| made.is_err()).count();
            assert_eq!(refused, 1);
        }
    }
}

#[test]
fn values_come_back_and_closures_are_not_called_when_there_is_no_room() {
    let provider = <FailNth>::after(2);
    let cache = SlabCache::<String, SpinLock, 512, _>::new_in(&provider).unwrap();
    let mut boxes = Vec::new();
    while let Ok(more) = cache.alloc_default() {
        boxes.push(more);
    }
    let called = Cell::new(false);
    let made = cache.alloc_with(|| {
        called.set(true);
        String::new()
    });
    assert!(made.is_err() && !called.get());
    assert!(cache.alloc_uninit().is_err());
    let back = cache.alloc("mine".to_string()).unwrap_err().into_inner();
    assert_eq!(back, "mine");
}

#[test]
fn panics_lose_no_slot() {
    fn panics<L: RawMutex + 'static>() {
        let provider = <FailNth>::after(2);
        let census = Census::default();
        let cache = SlabCache::<_, L, 1024, _>::new_in(&provider).unwrap();
        let mut boxes = Vec::new();
        while let Ok(more) = cache.alloc(census.tracked::<[u64; 8]>()) {
            boxes.push(more);
        }
        let full = boxes.len();
        for _ in 0..3 * full {
            census.drops().set(1);
            assert!(blows(|| drop(boxes.pop())));
            boxes.push(cache.alloc(census.tracked()).expect("the slot is free"));
            drop(boxes.pop());
            assert!(blows(|| drop(cache.alloc_with(|| blow()))));
            boxes.push(cache.alloc(census.tracked()).expect("the slot is free"));
        }
        assert_eq!(census.live(), full);
    }
    panics::<NoLock>();
    panics::<SpinLock>();
}

#[test]
fn empty_slots_are_filled_or_come_back() {
    let cache = SlabCache::<[u64; 32], SpinLock, 1024>::new().unwrap();
    let slots = SlabCache::<[u64; 32], SpinLock, 1024>::SLOTS_PER_SLAB;
    for _ in 0..10 * slots {
        drop(cache.alloc_uninit().unwrap());
    }
    assert_eq!(cache.slabs(), 1);
    let mut slot = cache.alloc_uninit().unwrap();
    slot.as_uninit_mut().write([7; 32]);
    // SAFETY: written on the line above.
    let made = unsafe { slot.assume_init() };
    assert_eq!(OwnedHandle::into_inner(made), [7; 32]);
}

#[test]
fn destructors_may_use_the_cache_they_lie_in() {
    type Cache = SlabCache<Node, NoLock, 1024>;
    struct Node {
        cache: Option<Cache>,
        next: Option<SlabBox<Node, NoLock, 1024>>,
        log: Rc<RefCell<Vec<usize>>>,
        depth: usize,
    }
    impl Drop for Node {
        fn drop(&mut self) {
            self.log.borrow_mut().push(self.depth);
            if let Some(cache) = self.cache.take() {
                let made = cache.alloc(Node {
                    cache: None,
                    next: None,
                    log: Rc::clone(&self.log),
                    depth: 100 + self.depth,
                });
                drop(made.unwrap_or_else(|_| panic!("there is memory")));
            }
            drop(self.next.take());
        }
    }
    let log = Rc::new(RefCell::new(Vec::new()));
    let cache = Cache::new().unwrap();
    let mut next = None;
    for depth in 0..50 {
        let node = Node {
            cache: Some(cache.clone()),
            next: next.take(),
            log: Rc::clone(&log),
            depth,
        };
        next = Some(
            cache
                .alloc(node)
                .unwrap_or_else(|_| panic!("there is memory")),
        );
    }
    drop(cache);
    drop(next);
    assert_eq!(log.borrow().len(), 100);
}

#[test]
fn a_provider_may_use_the_cache_it_serves() {
    fn reenters<L: RawMutex + 'static>() {
        // SAFETY: everything that borrows it below goes before it, and `hush` breaks the circle.
        let leaked = unsafe { Leaked::new(Reentrant::default()) };
        let provider = leaked.get();
        let cache = SlabCache::<u64, L, 512, _>::new_in(provider).unwrap();
        let inner = Rc::new((cache.clone(), RefCell::new(Vec::new())));
        provider.call({
            let inner = Rc::clone(&inner);
            move |call| {
                let (cache, kept) = &*inner;
                match call {
                    Call::Alloc => kept.borrow_mut().push(cache.alloc(1).unwrap()),
                    Call::Free => drop(cache.alloc(2)),
                }
            }
        });
        let boxes: Vec<_> = (0..500).map(|n| cache.alloc(n).unwrap()).collect();
        assert!(inner.1.borrow().len() > 5);
        assert!(boxes.iter().enumerate().all(|(n, made)| **made == n as u64));
        drop(boxes);
        provider.hush();
        inner.1.borrow_mut().clear();
        assert_eq!(*cache.alloc(5).unwrap(), 5);
    }
    reenters::<NoLock>();
    reenters::<SpinLock>();
}

#[test]
fn boxes_may_be_of_a_part_or_a_trait_object() {
    let counting = <Counting>::default();
    let cache = SlabCache::<[String; 3], SpinLock, 4096, _>::new_in(&counting).unwrap();
    let made = || cache.alloc(["a", "b", "c"].map(String::from)).unwrap();
    let slice = OwnedHandle::map(made(), |all| &mut all[1..]);
    let one = OwnedHandle::map(made(), |all| &mut all[2]);
    let any = OwnedHandle::map(made(), |all| all as &mut (dyn Any + Send));
    drop(cache);
    assert_eq!((slice.len(), one.as_str()), (2, "c"));
    assert_eq!(any.downcast_ref::<[String; 3]>().unwrap()[0], "a");
    drop((slice, one, any));
    assert_eq!(counting.live(), 0);
}

#[test]
fn a_box_goes_through_a_raw_pointer() {
    let cache = SlabCache::<String, SpinLock, 1024>::new().unwrap();
    let raw = OwnedHandle::into_raw(cache.alloc("kept".to_string()).unwrap());
    // SAFETY: from `into_raw`, and made a box once.
    let again = unsafe { SlabCache::<String, SpinLock, 1024>::from_raw(raw) };
    assert_eq!(OwnedHandle::into_inner(again), "kept");
}

/// A thread for each of several caches; values wander to another thread and end there.
#[test]
fn threads_pass_boxes_around_and_nothing_is_lost() {
    fn wander<T: Send + Eq + Debug + 'static, L, const SLAB: usize>(value: fn(usize) -> T)
    where
        L: RawMutex + Send + Sync + 'static,
    {
        const THREADS: usize = 3;
        const EACH: usize = 1500;
        let counting = <Counting>::default();
        {
            let cache = SlabCache::<T, L, SLAB, _>::new_in(&counting).unwrap();
            let (senders, receivers): (Vec<_>, Vec<_>) =
                (0..THREADS).map(|_| mpsc::sync_channel(64)).unzip();
            thread::scope(|scope| {
                for (thread, receiver) in receivers.into_iter().enumerate() {
                    let cache = cache.clone();
                    let to = senders[(thread + 1) % THREADS].clone();
                    scope.spawn(move || {
                        let mut held = Vec::new();
                        for n in 0..EACH {
                            let made = cache.alloc(value(n)).unwrap();
                            if n % 3 == 0 {
                                held.push((n, made));
                            } else if let Err(mpsc::TrySendError::Full(back)) =
                                to.try_send((n, made))
                            {
                                held.push(back);
                            }
                            if let Ok((n, got)) = receiver.try_recv() {
                                assert_eq!(*got, value(n));
                            }
                            if held.len() > 100 {
                                for (n, kept) in held.drain(..70) {
                                    assert_eq!(*kept, value(n));
                                }
                            }
                        }
                        drop(to);
                        drop(cache);
                        drop(held);
                        while receiver.try_recv().is_ok() {}
                    });
                }
                drop(senders);
                drop(cache);
            });
        }
        assert_eq!(counting.live(), 0);
    }
    wander::<u64, SpinLock, 512>(|n| n as u64);
    wander::<[u64; 8], DefaultLock, 1024>(|n| [n as u64; 8]);
    wander::<u16, SpinLock, 512>(|n| n as u16);
    wander::<[u8; 3], SpinLock, 4096>(|n| [n as u8; 3]);
}

#[derive(Clone, Debug)]
enum Op {
    Alloc(usize),
    Free(usize),
    Clone(usize),
    Drop(usize),
    Shrink(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => any::<usize>().prop_map(Op::Alloc),
        7 => any::<usize>().prop_map(Op::Free),
        1 => any::<usize>().prop_map(Op::Clone),
        1 => any::<usize>().prop_map(Op::Drop),
        1 => any::<usize>().prop_map(Op::Shrink),
    ];
    proptest::collection::vec(op, 1..400)
}

/// What the statistics say, if there are any.
fn counts_are<T, L: RawMutex + 'static, const SLAB: usize, P: Provider>(
    cache: &SlabCache<T, L, SLAB, P>,
    allocated: usize,
    in_use: usize,
) {
    let _ = (cache, allocated, in_use);
    #[cfg(feature = "stats")]
    {
        use flagstone::stats::Metric;

        let stats = cache.stats();
        let get = |metric| stats.get(metric) as usize;
        assert_eq!(get(Metric::Allocations), allocated);
        assert_eq!(
            (get(Metric::InUse), get(Metric::Frees)),
            (in_use, allocated - in_use)
        );
        assert!(get(Metric::PeakInUse) >= in_use);
        assert_eq!(get(Metric::BytesReserved), cache.slabs() * SLAB);
        assert_eq!(
            get(Metric::ChunksAdded) - get(Metric::ChunksReturned),
            cache.slabs()
        );
    }
}

/// Against a map of what lives where.
fn agrees<T: Copy + Eq + Debug, L: RawMutex + 'static, const SLAB: usize>(
    ops: &[Op],
    value: impl Fn(usize) -> T,
) {
    let counting = <Counting>::default();
    let mut caches = vec![SlabCache::<T, L, SLAB, _>::new_in(&counting).unwrap()];
    let mut boxes = Vec::new();
    let mut live = HashMap::new();
    let mut allocated = 0;
    for (step, op) in ops.iter().enumerate() {
        match *op {
            Op::Alloc(at) if !caches.is_empty() => {
                let made = caches[at % caches.len()].alloc(value(step)).unwrap();
                let before = live.insert(OwnedHandle::as_ptr(&made).as_ptr().addr(), value(step));
                assert_eq!(before, None, "the slot was in use");
                allocated += 1;
                boxes.push(made);
            }
            Op::Free(at) if !boxes.is_empty() => {
                let gone = boxes.swap_remove(at % boxes.len());
                let expected = live.remove(&OwnedHandle::as_ptr(&gone).as_ptr().addr());
                assert_eq!(Some(*gone), expected);
            }
            Op::Clone(at) if !caches.is_empty() => {
                caches.push(caches[at % caches.len()].clone());
            }
            Op::Drop(at) if !caches.is_empty() => {
                caches.swap_remove(at % caches.len());
            }
            Op::Shrink(at) if !caches.is_empty() => {
                caches[at % caches.len()].shrink_to_fit();
            }
            _ => {}
        }
        if let Some(cache) = caches.first() {
            assert_eq!(counting.live(), cache.slabs() + 1);
            let slots = SlabCache::<T, L, SLAB, Global>::SLOTS_PER_SLAB;
            assert!(cache.slabs() * slots >= boxes.len());
            counts_are(cache, allocated, boxes.len());
        }
    }
    drop(caches);
    assert_eq!(counting.live() == 0, boxes.is_empty());
    drop(boxes);
    assert_eq!(counting.live(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(flagstone_asan) { 8 } else { 32 }))]

    #[test]
    fn caches_agree_with_a_map(ops in ops()) {
        agrees::<u64, NoLock, 256>(&ops, |n| n as u64);
        agrees::<u64, SpinLock, 256>(&ops, |n| n as u64);
        agrees::<u16, NoLock, 256>(&ops, |n| n as u16);
        agrees::<u16, SpinLock, 256>(&ops, |n| n as u16);
        agrees::<[u64; 5], SpinLock, 256>(&ops, |n| [n as u64; 5]);
    }
}

#[test]
fn a_warm_cache_allocates_nothing() {
    let counting = <Counting>::default();
    let cache = SlabCache::<[u64; 8], SpinLock, 4096, _>::new_in(&counting).unwrap();
    let mut boxes: Vec<_> = (0..1000).map(|n| cache.alloc([n; 8]).unwrap()).collect();
    let calls = counting.calls();
    for n in 0..20_000_u64 {
        let at = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize % boxes.len();
        boxes[at] = cache.alloc([n; 8]).unwrap();
    }
    // A new value comes before an old one goes: one more lives at a time.
    assert!(
        counting.calls() - calls <= 2,
        "{} calls",
        counting.calls() - calls
    );
}
