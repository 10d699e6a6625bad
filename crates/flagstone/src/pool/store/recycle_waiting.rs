//! How one waits for an object of a recycling pool.

use core::{fmt, marker::PhantomData, pin::Pin, task::Poll};

use super::{
    recycle::{RecycleStore, Recycled},
    recycle_desk::Offer,
};
use crate::{
    error::{AllocError, Cause},
    provider::Provider,
    raw::{
        Recycle,
        wait::{Asker, Plan, Queued, WaitQueue, Waiter},
    },
    sync::NoLock,
};

impl<T, K: Recycle<T>, P: Provider> RecycleStore<T, K, P> {
    /// Nobody waits from now on.
    pub(in crate::pool) fn close(&self) {
        self.desk.close();
    }

    /// What can be had at once.
    fn find(&self) -> Option<Offer> {
        let idle = self.pop().map(Offer::Idle);
        idle.or_else(|| self.take().map(Offer::Free))
    }

    /// An empty slot that was handed over is with its owner.
    fn claim_free(&self) {
        let vacant = &self.slots.vacant;
        vacant.set(vacant.get() - 1);
    }
}

impl<T, K: Recycle<T>, P: Provider> Queued for RecycleStore<T, K, P> {
    type State = bool;
    type Demand = ();
    type Grant = Offer;
    type Lock = NoLock;

    #[expect(private_interfaces, reason = "as in the trait")]
    fn queue(&self) -> &WaitQueue<bool, (), Offer, NoLock> {
        &self.desk.queue
    }

    fn left(&self, (): (), answer: Option<Offer>) {
        match answer {
            // SAFETY: handed over with a live object, which nobody has used since.
            Some(Offer::Idle(slot)) => unsafe { self.offer_idle(slot) },
            Some(Offer::Free(slot)) => {
                self.claim_free();
                // SAFETY: handed over empty, and not used.
                unsafe { self.free(slot) }
            }
            Some(Offer::Closed) => {}
            None => self.desk.settle(&self.desk.queue.lock()),
        }
    }
}

/// What an `AcquireAsync` asks for: an object.
pub struct ForObject<'p, T, K: Recycle<T>, P: Provider> {
    joined: bool,
    done: bool,
    store: PhantomData<&'p RecycleStore<T, K, P>>,
}

impl<'p, T, K: Recycle<T>, P: Provider> ForObject<'p, T, K, P> {
    pub(in crate::pool) const fn new() -> Self {
        Self {
            joined: false,
            done: false,
            store: PhantomData,
        }
    }

    /// Makes the object of an offer ready, which is the end of this.
    fn accept(
        &mut self,
        store: &'p RecycleStore<T, K, P>,
        offer: Offer,
    ) -> Result<Recycled<'p, T, K, P>, AllocError> {
        self.done = true;
        let slot = match offer {
            Offer::Idle(slot) => {
                // SAFETY: popped or handed over, with an object that nobody has.
                unsafe { store.make_ready_here(slot) };
                slot
            }
            Offer::Free(slot) => {
                store.create(slot);
                slot
            }
            Offer::Closed => return Err(store.refused(Cause::closed())),
        };
        // SAFETY: a live object that is ours alone.
        Ok(unsafe { store.hand_out(slot) })
    }

    fn answered(
        &mut self,
        store: &'p RecycleStore<T, K, P>,
        offer: Offer,
    ) -> Result<Recycled<'p, T, K, P>, AllocError> {
        if let Offer::Free(_) = offer {
            store.claim_free();
        }
        self.accept(store, offer)
    }

    fn store(&self, waiter: &Waiter<&'p RecycleStore<T, K, P>>) -> &'p RecycleStore<T, K, P> {
        match waiter.host() {
            Some(store) if !self.done => store,
            _ => panic!("a future was polled after it was ready"),
        }
    }
}

impl<'p, T, K: Recycle<T>, P: Provider> Plan for ForObject<'p, T, K, P> {
    type Host = &'p RecycleStore<T, K, P>;
    type Output = Result<Recycled<'p, T, K, P>, AllocError>;

    fn poll(
        &mut self,
        mut waiter: Pin<&mut Waiter<Self::Host>>,
        asker: Asker<'_>,
    ) -> Poll<Self::Output> {
        let store = self.store(&waiter);
        if !self.joined {
            if let Some(offer) = store.find() {
                return Poll::Ready(self.accept(store, offer));
            }
            let mut held = store.desk.queue.lock();
            if *held {
                drop(held);
                return Poll::Ready(self.accept(store, Offer::Closed));
            }
            store.desk.want();
            waiter.as_mut().join(&mut held, 0, (), |()| false);
            self.joined = true;
        }
        match waiter.answer(Some(asker)) {
            Some(offer) => Poll::Ready(self.answered(store, offer)),
            None => Poll::Pending,
        }
    }

    fn give_up(&mut self, mut waiter: Pin<&mut Waiter<Self::Host>>) -> Self::Output {
        let store = self.store(&waiter);
        match waiter.as_mut().leave() {
            Some(((), Some(offer))) => return self.answered(store, offer),
            Some(((), None)) => store.left((), None),
            None => {}
        }
        self.done = true;
        Err(store.refused(Cause::timed_out()))
    }
}

impl<T, K: Recycle<T>, P: Provider> fmt::Debug for ForObject<'_, T, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForObject")
            .field("joined", &self.joined)
            .finish_non_exhaustive()
    }
}
