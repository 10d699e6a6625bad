//! A recycling pool agrees with a naive one, whatever is done to both.

use std::cell::Cell;

use flagstone::{
    OwnedHandle, PoolConfig, RecyclePool,
    pool::{AtAcquire, Recycle, Recycled, RecycledVacant},
};
use flagstone_testkit::{
    model::{NaiveObject, NaiveRecycle},
    provider::{Counting, Source, Supplied},
};
use proptest::{collection::vec, prelude::*, sample};

#[derive(Debug)]
struct Object {
    id: u64,
    /// What a user writes; 0 when it is as good as new.
    text: u64,
    valid: bool,
}

#[derive(Debug, Default)]
struct Numbered {
    next: Cell<u64>,
    discarded: Cell<usize>,
}

impl Recycle<Object> for Numbered {
    fn create(&self) -> Object {
        let id = self.next.get();
        self.next.set(id + 1);
        Object {
            id,
            text: 0,
            valid: true,
        }
    }
    fn reset(&self, object: &mut Object) {
        object.text = 0;
    }
    fn is_valid(&self, object: &Object) -> bool {
        object.valid
    }
    fn discard(&self, _object: Object) {
        self.discarded.set(self.discarded.get() + 1);
    }
}

#[derive(Clone, Debug)]
enum Op {
    Acquire(usize),
    Release(usize),
    Break(usize),
    Detach(usize),
    WriteBack(usize),
    DropSlot(usize),
    DropGuest(usize),
    Attach(usize),
    IntoInner(usize),
    DiscardIdle,
}

fn op() -> impl Strategy<Value = Op> {
    let any = any::<usize>;
    prop_oneof![
        6 => (1_usize..6).prop_map(Op::Acquire),
        6 => any().prop_map(Op::Release),
        2 => any().prop_map(Op::Break),
        2 => any().prop_map(Op::Detach),
        1 => any().prop_map(Op::WriteBack),
        1 => any().prop_map(Op::DropSlot),
        1 => any().prop_map(Op::DropGuest),
        1 => any().prop_map(Op::Attach),
        1 => any().prop_map(Op::IntoInner),
        1 => Just(Op::DiscardIdle),
    ]
}

type Pool<K> = RecyclePool<Object, K, Counting<Supplied>>;

struct Both<'p, K: Recycle<Object>> {
    pool: &'p Pool<K>,
    naive: NaiveRecycle,
    handles: Vec<Recycled<'p, Object, K, Counting<Supplied>>>,
    slots: Vec<RecycledVacant<'p, Object, K, Counting<Supplied>>>,
    guests: Vec<Object>,
}

/// The element that `at` chooses, taken out.
fn take<T>(from: &mut Vec<T>, at: usize) -> Option<T> {
    let at = at.checked_rem(from.len())?;
    Some(from.swap_remove(at))
}

impl<K: Recycle<Object>> Both<'_, K> {
    fn apply(&mut self, op: &Op, made: impl Fn() -> u64) {
        match *op {
            Op::Acquire(count) => (0..count).for_each(|_| self.acquire(&made)),
            Op::Release(at) => {
                if let Some(handle) = take(&mut self.handles, at) {
                    let (id, valid) = (handle.id, handle.valid);
                    self.naive.release(NaiveObject { id, valid });
                }
            }
            Op::Break(at) => {
                if let Some(at) = at.checked_rem(self.handles.len()) {
                    self.handles[at].valid = false;
                }
            }
            Op::Detach(at) => {
                if let Some(handle) = take(&mut self.handles, at) {
                    let (object, slot) = RecyclePool::detach(handle);
                    assert_eq!(object.text, object.id + 1);
                    self.slots.push(slot);
                    self.guests.push(object);
                }
            }
            Op::WriteBack(at) => {
                if let Some(slot) = take(&mut self.slots, at) {
                    let Some(object) = take(&mut self.guests, at) else {
                        self.naive.leave();
                        return;
                    };
                    self.handles.push(slot.write(object));
                }
            }
            Op::DropSlot(at) => {
                if take(&mut self.slots, at).is_some() {
                    self.naive.leave();
                }
            }
            Op::DropGuest(at) => drop(take(&mut self.guests, at)),
            Op::Attach(at) => {
                if let Some(object) = take(&mut self.guests, at) {
                    let (id, valid) = (object.id, object.valid);
                    let attached = self.pool.attach(object);
                    let room = self.naive.attach(NaiveObject { id, valid });
                    assert_eq!(attached.is_ok(), room);
                    if let Err(refused) = attached {
                        self.guests.push(refused.into_inner());
                    }
                }
            }
            Op::IntoInner(at) => {
                if let Some(handle) = take(&mut self.handles, at) {
                    self.guests.push(OwnedHandle::into_inner(handle));
                    self.naive.leave();
                }
            }
            Op::DiscardIdle => {
                assert_eq!(self.pool.discard_idle(), self.naive.discard_idle());
            }
        }
    }

    fn acquire(&mut self, made: impl Fn() -> u64) {
        let next = made();
        match (self.pool.acquire(), self.naive.acquire()) {
            (Ok(mut handle), Ok(expected)) => {
                assert_eq!(handle.id, expected.unwrap_or(next));
                assert_eq!(handle.text, 0, "as good as new");
                handle.text = handle.id + 1;
                self.handles.push(handle);
            }
            (Err(_), Err(())) => {}
            (pool, naive) => panic!("{pool:?} is not {naive:?}"),
        }
    }

    fn compare(&self, discarded: usize) {
        assert_eq!(self.pool.in_use(), self.naive.in_use());
        assert_eq!(self.pool.idle(), self.naive.idle());
        assert_eq!(self.pool.in_use(), self.handles.len() + self.slots.len());
        assert_eq!(discarded, self.naive.gone());
        assert!(
            self.handles
                .iter()
                .all(|handle| handle.text == handle.id + 1)
        );
    }
}

fn replay<K: Recycle<Object>>(
    recycle: K,
    numbered: impl Fn(&K) -> &Numbered,
    source: Source,
    most: usize,
    ops: &[Op],
) {
    let pool = RecyclePool::with_parts(
        PoolConfig::with_capacity(most),
        recycle,
        Supplied::counting(source),
    );
    let pool: Pool<K> = pool.expect("memory");
    let mut both = Both {
        pool: &pool,
        naive: NaiveRecycle::new(most),
        handles: Vec::new(),
        slots: Vec::new(),
        guests: Vec::new(),
    };
    for op in ops {
        both.apply(op, || numbered(pool.recycle()).next.get());
        both.compare(numbered(pool.recycle()).discarded.get());
    }
}

#[test]
fn random_calls_agree() {
    let config = ProptestConfig {
        cases: if cfg!(miri) {
            2
        } else if cfg!(flagstone_asan) {
            32
        } else {
            128
        },
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let sources = sample::select(Source::ALL);
    proptest!(config, |(source in sources, most in 0_usize..20, ops in vec(op(), 1..200))| {
        replay(Numbered::default(), |numbered| numbered, source, most, &ops);
        let late = AtAcquire(Numbered::default());
        replay(late, |late| &late.0, source, most, &ops);
    });
}
