//! One thread stores values, another drops them: the handles go through a bounded ring.

use std::{hint::black_box, time::Duration};

use rtrb::{Consumer, Producer, RingBuffer};

use crate::{
    contender::Role,
    lane::Body,
    payload::Payload,
    store::{Store, stores},
    threads::{Patience, together},
};

/// Handles that are under way at most.
const UNDER_WAY: usize = 256;
/// Handles that cannot be told apart.
const LEAST: u64 = 1 << 10;
/// Handles of a window at most.
const MOST: u64 = 1 << 20;

/// The sender and the receiver at work; the ring is made outside of the clock.
pub(crate) struct HandOff<S>(S);

impl<S: Store> HandOff<S> {
    pub(crate) fn new() -> Self {
        Self(S::with_room(2 * UNDER_WAY))
    }
}

impl<S> Body for HandOff<S>
where
    S: Store,
    for<'p> S::Handle<'p>: Send,
{
    fn run(&mut self, ops: u64) {
        self.timed(ops);
    }

    fn timed(&mut self, ops: u64) -> Duration {
        let store = &self.0;
        let (sender, receiver) = RingBuffer::new(UNDER_WAY);
        together(vec![
            Box::new(move || send(store, sender, ops)),
            Box::new(move || receive(receiver, ops)),
        ])
    }

    fn step(&self) -> u64 {
        LEAST
    }

    fn most(&self) -> u64 {
        MOST
    }
}

/// Stores values and sends their handles.
fn send<'p, S: Store>(store: &'p S, mut ring: Producer<S::Handle<'p>>, count: u64) {
    for number in 0..count {
        let mut patience = Patience::new();
        while ring.is_full() {
            patience.wait();
        }
        let handle = store.store(S::Value::of(number));
        if ring.push(handle).is_err() {
            unreachable!("only the sender fills the ring");
        }
    }
}

/// Receives handles and drops them.
fn receive<H>(mut ring: Consumer<H>, count: u64) {
    for _ in 0..count {
        let mut patience = Patience::new();
        let handle = loop {
            match ring.pop() {
                Ok(handle) => break handle,
                Err(_empty) => patience.wait(),
            }
        };
        drop(black_box(handle));
    }
}

stores!(
    BareRing, "floor::ring", Role::Floor,
    'p, () => u64,
    |_| (),
    |(), value| value.first_word()
);
