//! Those who wait for an object of a recycling pool.

use core::{cell::Cell, fmt, marker::PhantomData, pin::Pin, ptr::NonNull, task::Poll};

use super::recycle::{RecycleStore, Recycled};
use crate::{
    error::{AllocError, Cause},
    provider::Provider,
    raw::{
        Recycle,
        wait::{Asker, Held, Panicked, Plan, Queued, WaitQueue, Waiter},
    },
    sync::NoLock,
};

/// What one who waits is given.
#[derive(Clone, Copy, Debug)]
pub enum Offer {
    /// A slot with an object that is to be made ready.
    Idle(NonNull<u8>),
    /// An empty slot.
    Free(NonNull<u8>),
    /// Nothing: the pool was closed.
    Closed,
}

// SAFETY: a slot is its new owner's alone. It stays on the thread of its pool in any case; the pool itself may
// be sent when nobody waits.
unsafe impl Send for Offer {}

type Line<'q> = Held<'q, bool, (), Offer, NoLock>;

/// Where objects are handed over. One thread at a time uses it, so its lock is none; it is open whenever
/// user code runs.
///
/// # Invariant
///
/// 1. While somebody waits, `wanted` is set, no object is idle and no slot free.
pub(super) struct Desk {
    wanted: Cell<bool>,
    /// Beside the line: whether the pool is closed.
    queue: WaitQueue<bool, (), Offer, NoLock>,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            wanted: Cell::new(false),
            queue: WaitQueue::with_lock(false, NoLock::new()),
        }
    }

    /// Whether what comes back is to be handed over.
    #[inline(always)]
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.get()
    }

    fn settle(&self, held: &Line<'_>) {
        if held.waiting() == 0 {
            self.wanted.set(false);
        }
    }

    /// Tells all who wait that they do so in vain, and later ones if it is closed for them.
    fn dismiss(&self, closed: bool) -> Panicked {
        let mut panicked = Panicked::default();
        loop {
            let mut held = self.queue.lock();
            *held |= closed;
            while held.has_room() && held.first(0).is_some() {
                held.answer_first(0, Offer::Closed);
            }
            let waiting = held.waiting();
            self.settle(&held);
            panicked.add(held.open()); // USER CODE
            if waiting == 0 {
                return panicked;
            }
        }
    }
}

impl<T, K: Recycle<T>, P: Provider> RecycleStore<T, K, P> {
    /// Nobody waits from now on.
    pub(in crate::pool) fn close(&self) {
        self.desk.dismiss(true).resume();
    }

    /// Those who wait were forgotten, as the pool is the caller's alone.
    pub(super) fn forget_waiters(&mut self) {
        if self.desk.is_wanted() {
            self.desk.dismiss(false).resume();
        }
    }

    /// Hands a slot with an object over to who has waited longest, or keeps it.
    ///
    /// # Safety
    ///
    /// As for `park`, of an object that was reset if it is the time.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn offer_idle(&self, slot: NonNull<u8>) {
        if !self.offer(Offer::Idle(slot)) {
            self.keep(slot);
        }
    }

    /// Hands an empty slot over to who has waited longest, or frees it.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn offer_free(&self, slot: NonNull<u8>) {
        // A future that is given it may be forgotten, and the slot then holds nothing.
        let vacant = &self.slots.vacant;
        vacant.set(vacant.get() + 1);
        if !self.offer(Offer::Free(slot)) {
            vacant.set(vacant.get() - 1);
            // SAFETY: the caller's promise.
            unsafe { self.put(slot) };
        }
    }

    /// `false` if nobody waits any more, and then nothing was done.
    fn offer(&self, offer: Offer) -> bool {
        let mut held = self.desk.queue.lock();
        let waits = held.first(0).is_some();
        if waits {
            held.answer_first(0, offer);
        }
        self.desk.settle(&held);
        held.open().resume(); // USER CODE
        waits
    }

    /// What can be had at once.
    fn find(&self) -> Option<Offer> {
        let idle = self.pop().map(Offer::Idle);
        idle.or_else(|| self.take().map(Offer::Free))
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

impl<T, K: Recycle<T>, P: Provider> RecycleStore<T, K, P> {
    /// An empty slot that was handed over is with its owner.
    fn claim_free(&self) {
        let vacant = &self.slots.vacant;
        vacant.set(vacant.get() - 1);
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
            store.desk.wanted.set(true);
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
