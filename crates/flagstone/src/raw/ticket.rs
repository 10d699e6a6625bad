//! What handles that share a value have in common.

use core::{alloc::Layout, cell::Cell, fmt, ptr, ptr::NonNull};

use lock_api::{Mutex, RawMutex};

use super::Count;
use crate::{
    error::OutOfMemory,
    provider::{Provider, request},
};

/// Tickets of the first chunk; every further chunk has twice as many.
const FIRST: usize = 32;
/// Tickets of the largest chunks.
const MOST: usize = 4096;

/// The count of a shared value, and how the value leaves.
///
/// Tickets are not beside the values: a weak handle reads its ticket long after the value is gone,
/// and after the value's slab went back to the provider. They lie in chunks that stay until the pool
/// ends, and are used again for other values; the generation tells a weak handle that its value's
/// time is over.
///
/// # Invariants
///
/// 1. During a life of its count, `slot` is the slot of the shared value, and `root` what
///    `SharedHome::into_root` returned for it.
/// 2. Between lives it is on its book's list, through `root`, or belongs to who took it from there.
/// 3. `slot` and `root` change between lives only.
pub struct Ticket<C> {
    count: C,
    slot: Cell<NonNull<u8>>,
    root: Cell<*mut ()>,
}

impl<C: Count> Ticket<C> {
    fn new() -> Self {
        Self {
            count: C::zero(),
            slot: Cell::new(NonNull::dangling()),
            root: Cell::new(ptr::null_mut()),
        }
    }

    /// The count.
    #[inline(always)]
    pub(crate) fn count(&self) -> &C {
        &self.count
    }

    /// Starts a life, as the ticket of the value in `slot`.
    pub(crate) fn begin(&self, slot: NonNull<u8>, root: NonNull<()>) {
        self.slot.set(slot);
        self.root.set(root.as_ptr());
        self.count.begin();
    }

    /// The slot of the value.
    #[inline(always)]
    pub(crate) fn slot(&self) -> NonNull<u8> {
        self.slot.get()
    }

    /// What stands for the home of the value.
    #[inline(always)]
    pub(crate) fn root(&self) -> NonNull<()> {
        // SAFETY: during a life it came from a `NonNull` (invariant 1).
        unsafe { NonNull::new_unchecked(self.root.get()) }
    }
}

impl<C> fmt::Debug for Ticket<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

/// Stands at the start of a chunk of tickets.
struct Header {
    next: *mut Header,
    layout: Layout,
}

/// The tickets of a pool that are between lives, and the chunks of all.
///
/// # Invariants
///
/// 1. `free` is null or a ticket between lives, whose `root` leads to the next.
/// 2. Every chunk from `chunks` on came from the pool's provider for the layout in its header.
struct Free<C> {
    free: *mut Ticket<C>,
    chunks: *mut Header,
    /// Tickets of the next chunk.
    next: usize,
}

// SAFETY: the tickets between lives and the chunks belong to the list alone. Counts of tickets that
// live are their handles' affair.
unsafe impl<C> Send for Free<C> {}

/// Hands out tickets and takes them back.
pub(crate) struct Tickets<C, L: RawMutex> {
    free: Mutex<L, Free<C>>,
}

impl<C: Count, L: RawMutex> Tickets<C, L> {
    /// No tickets yet.
    pub(crate) fn new(lock: L) -> Self {
        let free = Free {
            free: ptr::null_mut(),
            chunks: ptr::null_mut(),
            next: FIRST,
        };
        Self {
            free: Mutex::from_raw(lock, free),
        }
    }

    /// A ticket between lives, the caller's alone. The provider may run, with nothing locked; it
    /// must be the same in every call.
    #[inline]
    pub(crate) fn take(&self, provider: &impl Provider) -> Result<NonNull<Ticket<C>>, OutOfMemory> {
        loop {
            if let Some(ticket) = self.pop() {
                return Ok(ticket);
            }
            self.grow(provider)?;
        }
    }

    #[inline]
    fn pop(&self) -> Option<NonNull<Ticket<C>>> {
        let mut free = self.free.lock();
        let ticket = NonNull::new(free.free)?;
        // SAFETY: on the list, so it exists, and nobody changes it.
        free.free = unsafe { ticket.as_ref() }.root.get().cast();
        Some(ticket)
    }

    /// Ends the life of a ticket whose count is 0, and takes it back.
    ///
    /// # Safety
    ///
    /// `ticket` came from `take` of this book, is the caller's alone, and is not used again.
    #[inline]
    pub(crate) unsafe fn put(&self, ticket: NonNull<Ticket<C>>) {
        // SAFETY: tickets stay until the book ends.
        let this = unsafe { ticket.as_ref() };
        this.count.next_generation();
        let mut free = self.free.lock();
        this.root.set(free.free.cast());
        free.free = ticket.as_ptr();
    }

    /// Adds a chunk of tickets.
    #[cold]
    #[inline(never)]
    fn grow(&self, provider: &impl Provider) -> Result<(), OutOfMemory> {
        let count = self.free.lock().next;
        let (layout, first) = chunk_layout::<C>(count);
        let chunk = request(provider, layout)?.ptr.cast::<u8>(); // USER CODE
        let header = chunk.cast::<Header>();
        // SAFETY: the layout starts with room for the first ticket behind a header.
        let tickets = unsafe { chunk.add(first) }.cast::<Ticket<C>>();
        for n in 0..count {
            // SAFETY: the layout has room for `count` tickets.
            let ticket = unsafe { tickets.add(n) };
            // SAFETY: room for a ticket that nobody uses yet.
            unsafe { ticket.write(Ticket::new()) };
        }
        let mut free = self.free.lock();
        free.next = free.next.max((count * 2).min(MOST));
        let chunks = Header {
            next: free.chunks,
            layout,
        };
        // SAFETY: the layout starts with a header.
        unsafe { header.write(chunks) };
        free.chunks = header.as_ptr();
        for n in 0..count {
            // SAFETY: as above, initialised, and nobody else's.
            let ticket = unsafe { tickets.add(n) };
            // SAFETY: as above.
            unsafe { ticket.as_ref() }.root.set(free.free.cast());
            free.free = ticket.as_ptr();
        }
        Ok(())
    }

    /// Gives all chunks back.
    ///
    /// # Safety
    ///
    /// Nobody uses a ticket of this book any more; `provider` is that of every `take`.
    pub(crate) unsafe fn end(&mut self, provider: &impl Provider) {
        let mut at = self.free.get_mut().chunks;
        self.free.get_mut().chunks = ptr::null_mut();
        self.free.get_mut().free = ptr::null_mut();
        while let Some(header) = NonNull::new(at) {
            // SAFETY: a chunk of ours starts with a header.
            let Header { next, layout } = unsafe { header.read() };
            at = next;
            // SAFETY: the provider gave it for this layout; nobody uses it.
            unsafe { provider.free(header.cast(), layout) }; // USER CODE
        }
    }
}

impl<C, L: RawMutex> fmt::Debug for Tickets<C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").finish_non_exhaustive()
    }
}

/// A chunk of `count` tickets, and where the first lies.
const fn chunk_layout<C>(count: usize) -> (Layout, usize) {
    assert!(count <= MOST);
    let Ok(tickets) = Layout::array::<Ticket<C>>(count) else {
        unreachable!()
    };
    match Layout::new::<Header>().extend(tickets) {
        Ok(extended) => extended,
        Err(_) => unreachable!(),
    }
}
