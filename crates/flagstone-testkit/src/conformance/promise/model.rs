//! A pool agrees with the naive one, whatever is done to both.
#![expect(unsafe_code, reason = "makes handles of raw pointers")]

use std::ptr::NonNull;

use flagstone::pool::NoHooks;
use proptest::{
    collection::vec,
    prelude::*,
    sample,
    test_runner::{Config, TestRunner},
};

use crate::{
    conformance::{Counted, Door, InPlace, PoolKind, Setting, Spec, Unwrap, Walk},
    model::NaivePool,
};

/// What is stored, in `N` bytes without alignment: a key, a value that changes, and a filling that
/// the key determines.
///
/// Pools keep their lists in free slots, in one way or another depending on what fits: several
/// sizes, below and above 12 bytes, are several pools.
#[derive(Clone, Copy, Debug)]
struct Packed<const N: usize>([u8; N]);

impl<const N: usize> Packed<N> {
    fn new(key: u32, value: u32) -> Self {
        let mut packed = Self([key as u8; N]);
        packed.0[..4].copy_from_slice(&key.to_le_bytes());
        packed.set_value(value);
        packed
    }

    fn number(&self, at: usize) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.0[at..at + 4]);
        u32::from_le_bytes(bytes)
    }

    fn key(&self) -> u32 {
        let key = self.number(0);
        assert!(
            self.0[8..].iter().all(|&byte| byte == key as u8),
            "overwritten"
        );
        key
    }

    fn value(&self) -> u32 {
        self.number(4)
    }

    fn set_value(&mut self, value: u32) {
        self.0[4..8].copy_from_slice(&value.to_le_bytes());
    }
}

type Plain<K, const N: usize> = <K as PoolKind>::Pool<Packed<N>, NoHooks>;

/// Enough for several of the smallest slabs, and no multiple of one.
const MOST: usize = 150;

#[derive(Clone, Debug)]
enum Op {
    Alloc(usize),
    AllocInPlace,
    Vacate,
    Write(usize, u32),
    Drop(usize),
    Remove(usize),
    DropMany(usize),
    RawTrip(usize),
    Forget(usize),
    Visit,
    Drain(usize),
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    let any = any::<usize>;
    prop_oneof![
        8 => (1_usize..40).prop_map(Op::Alloc),
        2 => Just(Op::AllocInPlace),
        1 => Just(Op::Vacate),
        3 => (any(), 0_u32..1000).prop_map(|(at, value)| Op::Write(at, value)),
        4 => any().prop_map(Op::Drop),
        2 => any().prop_map(Op::Remove),
        3 => (1_usize..60).prop_map(Op::DropMany),
        2 => any().prop_map(Op::RawTrip),
        2 => any().prop_map(Op::Forget),
        1 => Just(Op::Visit),
        1 => (0_usize..8).prop_map(Op::Drain),
        1 => Just(Op::Clear),
    ]
}

/// Random calls on pools of small values, compared after each.
pub fn pool_agrees<K: PoolKind>() {
    agrees::<K, 8>();
    agrees::<K, 11>();
}

/// The same with values that have room for an address and more.
pub fn pool_of_larger_values_agrees<K: PoolKind>() {
    agrees::<K, 12>();
    agrees::<K, 40>();
}

fn agrees<K: PoolKind, const N: usize>() {
    explore(K::settings(), replay::<K, N>);
}

/// Not generic, because what a search for a failure is made of is more code than a pool.
fn explore(settings: Vec<Setting>, replay: fn(Setting, Option<usize>, usize, &[Op])) {
    let config = Config {
        cases: if cfg!(miri) {
            2
        } else if cfg!(flagstone_asan) {
            8
        } else {
            32
        },
        failure_persistence: None,
        ..Config::default()
    };
    let setting = sample::select(settings);
    let alignment = prop_oneof![Just(None), Just(Some(16)), Just(Some(64))];
    let pool = (setting, alignment, 0..=MOST);
    TestRunner::new(config)
        .run(
            &(pool, vec(op(), 1..120)),
            |((setting, alignment, most), ops)| {
                replay(setting, alignment, most, &ops);
                Ok(())
            },
        )
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// The pool, the naive pool, and what the handles would be: raw pointers, since a walk needs the
/// pool for itself. `kept` are those that a user has, the forgotten ones are only in the pools.
struct Both<K: PoolKind, const N: usize> {
    pool: Plain<K, N>,
    naive: NaivePool,
    kept: Vec<(u32, NonNull<Packed<N>>)>,
    forgotten: Vec<u32>,
    next: u32,
}

fn replay<K: PoolKind, const N: usize>(
    setting: Setting,
    alignment: Option<usize>,
    most: usize,
    ops: &[Op],
) {
    let spec = Spec {
        alignment,
        ..Spec::slots(most)
    };
    let mut both = Both::<K, N> {
        pool: K::build(setting, spec, NoHooks).expect("the pool can be built"),
        naive: NaivePool::new(most),
        kept: Vec::new(),
        forgotten: Vec::new(),
        next: 0,
    };
    for op in ops {
        both.apply(op);
        both.compare();
    }
}

impl<K: PoolKind, const N: usize> Both<K, N> {
    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Alloc(count) => (0..count).for_each(|_| self.alloc(false)),
            Op::AllocInPlace => self.alloc(true),
            Op::Vacate => {
                let refused = self.pool.alloc_uninit().is_err();
                assert_eq!(refused, self.naive.is_full());
            }
            Op::Write(at, value) => {
                if let Some(&(key, raw)) = self.pick(at) {
                    // SAFETY: kept, so it came from `into_raw` and no handle exists.
                    let mut handle = unsafe { self.pool.adopt(raw) };
                    handle.set_value(value);
                    let _ = Plain::<K, N>::into_raw(handle);
                    self.naive.set(key, value);
                }
            }
            Op::Drop(at) => self.drop_one(at),
            Op::DropMany(count) => (0..count).for_each(|at| self.remove(at * 7)),
            Op::Remove(at) => self.remove(at),
            Op::RawTrip(at) => {
                if let Some(&(key, raw)) = self.pick(at) {
                    // SAFETY: as above.
                    let handle = unsafe { self.pool.adopt(raw) };
                    assert_eq!(Some(handle.value()), self.naive.get(key));
                    assert_eq!(Plain::<K, N>::into_raw(handle), raw);
                }
            }
            Op::Forget(at) => {
                if !self.kept.is_empty() {
                    let (key, _) = self.kept.swap_remove(at % self.kept.len());
                    self.forgotten.push(key);
                }
            }
            Op::Visit => self.visit(),
            Op::Drain(count) => self.drain(count),
            Op::Clear => {
                self.pool.clear();
                self.forget_all();
            }
        }
    }

    fn pick(&self, at: usize) -> Option<&(u32, NonNull<Packed<N>>)> {
        self.kept.get(at.checked_rem(self.kept.len())?)
    }

    fn alloc(&mut self, in_place: bool) {
        let key = self.next;
        self.next += 1;
        let handle = if in_place {
            self.pool
                .alloc_uninit()
                .ok()
                .map(|vacant| Plain::<K, N>::write(vacant, Packed::new(key, key)))
        } else {
            self.pool.alloc(Packed::new(key, key)).ok()
        };
        assert_eq!(handle.is_some(), self.naive.insert(key, key));
        if let Some(handle) = handle {
            self.kept.push((key, Plain::<K, N>::into_raw(handle)));
        }
    }

    fn drop_one(&mut self, at: usize) {
        if self.kept.is_empty() {
            return;
        }
        let (key, raw) = self.kept.swap_remove(at % self.kept.len());
        // SAFETY: kept, so it came from `into_raw`; it is forgotten here.
        drop(unsafe { self.pool.adopt(raw) });
        assert!(self.naive.remove(key).is_some());
    }

    fn remove(&mut self, at: usize) {
        if self.kept.is_empty() {
            return;
        }
        let (key, raw) = self.kept.swap_remove(at % self.kept.len());
        // SAFETY: kept, so it came from `into_raw`; it is forgotten here.
        let value = Plain::<K, N>::into_inner(unsafe { self.pool.adopt(raw) });
        assert_eq!(
            (value.key(), Some(value.value())),
            (key, self.naive.remove(key))
        );
    }

    /// A walk sees what was kept as raw pointers and what was forgotten alike.
    fn visit(&mut self) {
        let mut seen = 0;
        for value in self.pool.iter_mut() {
            assert_eq!(self.naive.get(value.key()), Some(value.value()));
            value.set_value(value.value() + 1);
            self.naive.set(value.key(), value.value());
            seen += 1;
        }
        assert_eq!(seen, self.naive.in_use());
    }

    /// Takes `count` values out and drops the rest with the drain.
    fn drain(&mut self, count: usize) {
        for value in self.pool.drain().take(count) {
            assert_eq!(self.naive.remove(value.key()), Some(value.value()));
        }
        self.forget_all();
    }

    /// Nothing is in the pool any more.
    fn forget_all(&mut self) {
        self.naive = NaivePool::new(self.naive.most());
        self.kept.clear();
        self.forgotten.clear();
    }

    fn compare(&self) {
        assert_eq!(self.pool.in_use(), self.naive.in_use());
        assert_eq!(self.naive.in_use(), self.kept.len() + self.forgotten.len());
        assert_eq!(
            self.pool.available(),
            self.pool.capacity() - self.naive.in_use()
        );
        assert!(self.pool.capacity() <= self.naive.most());
        for &(key, raw) in &self.kept {
            // SAFETY: a value of the pool that only `kept` leads to.
            let value = unsafe { raw.as_ref() };
            assert_eq!(
                (value.key(), Some(value.value())),
                (key, self.naive.get(key))
            );
        }
    }
}
