//! Values of every shape lie where they must, apart from each other, and stay there.

use std::{collections::BTreeSet, num::NonZeroU8, ops::Deref};

use super::SLOTS;
use crate::{
    conformance::{Counted, Door, PoolKind, Spec, Unwrap, Walk, each, fill},
    value::{Bulk, Census, Ghost, Page, Tracked},
};

/// Where a value lies.
fn address<T>(value: &impl Deref<Target = T>) -> usize {
    std::ptr::from_ref::<T>(value).addr()
}

/// Aligned, and at least as far apart as values are large (or one byte).
fn apart<T, H: Deref<Target = T>>(handles: &[H], align: usize) {
    let mut at: Vec<_> = handles.iter().map(address).collect();
    at.sort_unstable();
    assert!(at.iter().all(|address| address % align == 0), "misaligned");
    let room = size_of::<T>().max(1);
    assert!(
        at.windows(2).all(|pair| pair[1] - pair[0] >= room),
        "overlap"
    );
}

/// Values without bytes are counted and dropped like others.
pub fn zero_sized<K: PoolKind>() {
    each::<K>(|setting| {
        let mut pool = K::plain::<Ghost>(setting, SLOTS);
        let mut handles = fill(&pool, Ghost::appear);
        assert_eq!((handles.len(), Ghost::live()), (SLOTS, SLOTS));
        apart(&handles, 1);
        let rest = handles.split_off(SLOTS / 2);
        drop(handles);
        assert_eq!((pool.in_use(), Ghost::live()), (rest.len(), rest.len()));
        rest.into_iter().for_each(std::mem::forget);
        assert_eq!(pool.iter_mut().count(), SLOTS - SLOTS / 2);
        drop(pool.drain().next());
        assert_eq!(Ghost::live(), 0);
        fill(&pool, Ghost::appear)
            .into_iter()
            .for_each(std::mem::forget);
        drop(pool);
        assert_eq!(Ghost::live(), 0);
    });
}

/// Types aligned to 4096 lie so.
pub fn over_aligned<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let pool = K::plain::<Tracked<Page>>(setting, SLOTS);
        let handles = fill(&pool, || census.tracked());
        assert_eq!(handles.len(), SLOTS);
        apart(&handles, 4096);
        assert!(handles.iter().all(|handle| handle.shape().0 == 0x5A));
        drop(handles);
        assert_eq!(census.live(), 0);
    });
}

/// Values of many pages keep all their bytes.
pub fn large<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let mut pool = K::plain::<Tracked<Bulk>>(setting, SLOTS);
        let mut handles = fill(&pool, || census.tracked());
        assert_eq!(handles.len(), SLOTS);
        apart(&handles, align_of::<Tracked<Bulk>>());
        handles.truncate(SLOTS / 2);
        handles.extend(fill(&pool, || census.tracked()));
        assert!(
            handles
                .iter()
                .all(|handle| handle.shape().0 == Bulk::default().0)
        );
        handles.into_iter().for_each(std::mem::forget);
        assert_eq!(pool.drain().count(), SLOTS);
        assert_eq!(census.live(), 0);
    });
}

/// Types whose bytes may not be anything are never read from a slot that holds none.
pub fn niche<K: PoolKind>() {
    each::<K>(|setting| {
        let mut bytes = K::plain::<Option<NonZeroU8>>(setting, SLOTS);
        let mut boxes = K::plain::<Option<Box<u8>>>(setting, SLOTS);
        let mut flags = K::plain::<bool>(setting, SLOTS);
        for round in 0..3_u8 {
            let one = NonZeroU8::new(round);
            let some = (round > 0).then(|| Box::new(round));
            fill(&bytes, || one)
                .into_iter()
                .step_by(2)
                .for_each(std::mem::forget);
            fill(&boxes, || some.clone())
                .into_iter()
                .step_by(2)
                .for_each(std::mem::forget);
            fill(&flags, || round > 0)
                .into_iter()
                .step_by(2)
                .for_each(std::mem::forget);
            assert!(bytes.iter_mut().all(|value| *value == one));
            assert!(boxes.iter_mut().all(|value| *value == some));
            assert!(flags.iter_mut().all(|value| *value == (round > 0)));
            assert_eq!(bytes.drain().count(), SLOTS.div_ceil(2));
            boxes.clear();
            assert_eq!(flags.drain().count(), SLOTS.div_ceil(2));
        }
    });
}

/// The alignment knob moves every slot, whatever the type asks for, or is refused by name.
pub fn alignment_knob<K: PoolKind>() {
    each::<K>(|setting| {
        for alignment in [1, 2, 8, 64, 128, 4096] {
            let spec = Spec {
                alignment: Some(alignment),
                ..Spec::slots(SLOTS)
            };
            match K::build::<[u8; 3], _>(setting, spec, flagstone::pool::NoHooks) {
                Ok(pool) => {
                    let handles = fill(&pool, || [alignment as u8; 3]);
                    assert_eq!(handles.len(), SLOTS);
                    apart(&handles, alignment);
                }
                Err(error) => {
                    // Only what a small slab cannot hold, and the sentence says so.
                    assert!(alignment > 64, "{error}");
                    assert_eq!(error.knob(), Some("alignment"));
                    assert!(error.to_string().contains(&alignment.to_string()));
                }
            }
        }
    });
}

/// A value stays at its address while the pool grows and others come and go.
pub fn values_do_not_move<K: PoolKind>() {
    each::<K>(|setting| {
        let pool = K::plain::<Tracked>(setting, SLOTS);
        let census = Census::default();
        let first = pool.alloc(census.tracked()).expect("a slot is free");
        let (place, id) = (address(&first), first.id());
        let mut places = BTreeSet::new();
        for _ in 0..3 {
            places.extend(fill(&pool, || census.tracked()).iter().map(address));
        }
        assert!(!places.contains(&place));
        assert_eq!((address(&first), first.id()), (place, id));
    });
}

/// References into values stay good while other values come, go and move out: no call of a pool
/// touches a slot that is in use. (What an interpreter with a model of aliasing checks.)
pub fn references_outlast_other_calls<K: PoolKind>() {
    each::<K>(|setting| {
        let pool = K::plain::<Vec<u64>>(setting, SLOTS);
        let mut first = pool.alloc(vec![1]).expect("a slot is free");
        let second = pool.alloc(vec![2]).expect("a slot is free");
        let (writing, reading): (&mut Vec<u64>, &Vec<u64>) = (&mut first, &second);
        for round in 0..3 {
            let mut others = fill(&pool, || vec![round]);
            writing.push(round);
            drop(others.swap_remove(0));
            assert_eq!(reading[..], [2]);
            let taken = others
                .pop()
                .map(<K::Pool<_, flagstone::pool::NoHooks>>::into_inner);
            assert_eq!(taken, Some(vec![round]));
            writing[0] += 1;
        }
        assert_eq!((pool.in_use(), reading[..].len()), (2, 1));
        assert_eq!(*writing, [4, 0, 1, 2]);
    });
}
