//! How a value waits for a slot.

use core::{fmt, marker::PhantomData, pin::Pin, ptr::NonNull, task::Poll};

use super::{
    Store,
    doors::{Handle, find_slot, settle},
};
use crate::{
    error::{AllocError, AllocErrorKind, Cause},
    raw::wait::{Asker, Given, Held, Plan, Queued, Waiter},
    stats::Collector,
    sync::DefaultLock,
};

/// What who is about to wait finds.
#[derive(Debug)]
pub enum Found {
    /// A slot that is free; nobody waits.
    Slot(NonNull<u8>),
    /// There is room for more slots again; nobody waits.
    Room,
    /// Nothing: slots are handed over from now on to who is in the queue, which the caller joins.
    Nothing,
}

/// A store whose slots can be waited for.
///
/// # Safety
///
/// The implementor promises: a slot that is given to who waits was taken, is nobody else's and holds no
/// value.
pub unsafe trait Waits:
    Store + Queued<State = bool, Demand = (), Grant = Given, Lock = DefaultLock>
{
    /// What is made of a handle.
    type Kept<'p>
    where
        Self: 'p;

    /// Looks for a slot for who is about to wait. Under the queue's lock; nobody else's code runs.
    #[expect(private_interfaces, reason = "the trait cannot be named outside")]
    fn want(&self, held: &mut Held<'_, bool, (), Given>) -> Found;

    /// A slot that was given is with its owner.
    fn claimed(&self, slot: NonNull<u8>);

    /// A handle as the pool hands it out.
    fn keep<'p>(handle: Handle<'p, Self>) -> Self::Kept<'p>
    where
        Self: 'p;
}

/// What an `AllocAsync` asks for: a slot, for a value that it has until then.
pub struct ForSlot<'p, S: Waits> {
    value: Option<S::Value>,
    joined: bool,
    store: PhantomData<&'p S>,
}

// The value is not pinned before it lies in its slot.
impl<S: Waits> Unpin for ForSlot<'_, S> {}

impl<S: Waits> ForSlot<'_, S> {
    pub(in crate::pool) const fn new(value: S::Value) -> Self {
        Self {
            value: Some(value),
            joined: false,
            store: PhantomData,
        }
    }

    fn take_value(&mut self) -> S::Value {
        match self.value.take() {
            Some(value) => value,
            None => panic!("a future was polled after it was ready"),
        }
    }
}

impl<'p, S: Waits> ForSlot<'p, S> {
    fn placed(
        &mut self,
        store: &'p S,
        slot: NonNull<u8>,
    ) -> Result<S::Kept<'p>, AllocError<S::Value>> {
        store.count(Collector::allocated);
        let value = self.take_value();
        // SAFETY: the slot was taken or handed over, so it is ours and empty.
        Ok(S::keep(unsafe { settle(store, slot.cast(), value) }))
    }

    fn refused(&mut self, store: &S, cause: Cause) -> Result<S::Kept<'p>, AllocError<S::Value>> {
        store.count(|stats| stats.refused(cause.kind()));
        Err(AllocError::new(self.take_value(), cause))
    }

    /// What was given by who put it back.
    fn answered(
        &mut self,
        store: &'p S,
        given: Given,
    ) -> Result<S::Kept<'p>, AllocError<S::Value>> {
        if let Some(slot) = given.0 {
            store.claimed(slot);
        }
        self.found(store, given)
    }

    fn found(
        &mut self,
        store: &'p S,
        Given(slot): Given,
    ) -> Result<S::Kept<'p>, AllocError<S::Value>> {
        match slot {
            Some(slot) => self.placed(store, slot),
            None => self.refused(store, Cause::closed()),
        }
    }

    /// Joins the queue, unless there is a slot, or room for one, or the pool is closed.
    fn join(&mut self, store: &'p S, waiter: Pin<&mut Waiter<&'p S>>) -> Option<Given> {
        let mut held = store.queue().lock();
        if *held {
            return Some(Given(None));
        }
        match store.want(&mut held) {
            Found::Slot(slot) => return Some(Given(Some(slot))),
            Found::Room => return None,
            Found::Nothing => {}
        }
        waiter.join(&mut held, 0, (), |()| false);
        self.joined = true;
        None
    }
}

impl<'p, S: Waits> Plan for ForSlot<'p, S> {
    type Host = &'p S;
    type Output = Result<S::Kept<'p>, AllocError<S::Value>>;

    fn poll(
        &mut self,
        mut waiter: Pin<&mut Waiter<&'p S>>,
        asker: Asker<'_>,
    ) -> Poll<Self::Output> {
        let store = match waiter.host() {
            Some(store) if self.value.is_some() => *store,
            _ => panic!("a future was polled after it was ready"),
        };
        // Until it has joined: a pool that could grow no more may be able to since it was asked.
        while !self.joined {
            let found = match store.take() {
                Some(slot) => Ok(slot),
                None => find_slot(store),
            };
            match found {
                Ok(slot) => return Poll::Ready(self.placed(store, slot)),
                Err(cause) if cause.kind() != AllocErrorKind::Exhausted => {
                    return Poll::Ready(self.refused(store, cause));
                }
                Err(_) => {}
            }
            if let Some(given) = self.join(store, waiter.as_mut()) {
                return Poll::Ready(self.found(store, given));
            }
        }
        match waiter.answer(Some(asker)) {
            Some(given) => Poll::Ready(self.answered(store, given)),
            None => Poll::Pending,
        }
    }

    fn give_up(&mut self, mut waiter: Pin<&mut Waiter<&'p S>>) -> Self::Output {
        let store = match waiter.host() {
            Some(store) if self.value.is_some() => *store,
            _ => panic!("a future was polled after it was ready"),
        };
        match waiter.as_mut().leave() {
            Some(((), Some(given))) => return self.answered(store, given),
            Some(((), None)) => store.left((), None),
            None => {}
        }
        self.refused(store, Cause::timed_out())
    }
}

impl<S: Waits> fmt::Debug for ForSlot<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForSlot")
            .field("joined", &self.joined)
            .finish_non_exhaustive()
    }
}
