//! Carries out a worker's operations on an allocator: the code that is timed.
#![expect(
    unsafe_code,
    reason = "calls allocators and uses the memory that they hand out"
)]

use std::alloc::Layout;

use super::board::Wait;
use super::clock;
use super::fault::{Fault, FaultKind};
use super::lifetime::LifetimeAlloc;
use super::op::{Op, OpKind};
use super::probe::Probe;
use super::slots::SlotTable;
use super::stamp::{Stamped, pattern};

/// Carries out the `ops` of `worker` in order, each when its turn has come, tells `probe`, and returns the processor time it took
/// in nanoseconds, less what was spent waiting for other workers.
///
/// Invariants, which [`Planner`](super::planner::Planner) establishes and every `SAFETY` below
/// rests on:
///
/// 1. Size and alignment of an operation form a valid, non-empty layout.
/// 2. The operations on a slot, in the order of their turns, are: allocate, any number of
///    reallocations, free, and again from the start. Each names the size and alignment that the
///    previous one left.
/// 3. Only the operation whose turn it is touches a slot and the memory it holds.
/// 4. All operations on an object name the same group, if any, and are of one worker's lists; a
///    free that ends a group is of the only object of the group that is live.
///
/// # Errors
///
/// The first thing the allocator did wrong. Ends early without an error when another worker
/// stopped the replay.
///
/// # Safety
///
/// `ops` must be a worker's part of a window. The windows played on `slots` must be all those of
/// one planner so far, in order, each only after the one before it was played without a fault,
/// and all on this `allocator`.
pub(super) unsafe fn play<A: LifetimeAlloc, P: Probe>(
    worker: usize,
    ops: &[Op],
    slots: &SlotTable,
    allocator: &A,
    probe: &mut P,
) -> Result<u64, Fault> {
    let start = clock::thread_time_ns();
    let mut waited_ns = 0;
    for op in ops {
        let wait = Wait {
            worker,
            slot: op.slot,
            turn: op.turn,
        };
        let Some(slot) = slots.wait(wait, &mut waited_ns) else {
            break;
        };
        probe.begin();
        let old = slot.address();
        let new = match op.kind {
            // SAFETY: 1, and the slot is empty or new (2).
            OpKind::Alloc | OpKind::AllocZeroed => unsafe { alloc(op, allocator)? },
            // SAFETY: `old` is the live object of the slot (2), ours alone (3).
            OpKind::Realloc => unsafe { realloc(op, old, allocator)? },
            OpKind::Free => {
                // SAFETY: as for a reallocation.
                unsafe { free(op, old, allocator)? };
                std::ptr::null_mut()
            }
        };
        probe.end();
        slot.done(new, op.turn);
    }
    let busy_ns = (clock::thread_time_ns() - start).saturating_sub(waited_ns);
    slots.end_part(worker);
    probe.settle(ops);
    Ok(busy_ns)
}

/// # Safety
///
/// The operation must have a valid layout.
unsafe fn alloc<A: LifetimeAlloc>(op: &Op, allocator: &A) -> Result<*mut u8, Fault> {
    let layout = layout_of(op.size, op);
    let zeroed = op.kind == OpKind::AllocZeroed;
    let start = if zeroed {
        // SAFETY: the layout is not empty (1); the group is this worker's (4).
        unsafe { allocator.alloc_zeroed_for(layout, op.lifetime) }
    } else {
        // SAFETY: as above.
        unsafe { allocator.alloc_for(layout, op.lifetime) }
    };
    check_address(start, op)?;
    // SAFETY: the allocator promises `layout.size()` bytes.
    let object = unsafe { Stamped::new(start, layout.size()) };
    // SAFETY: the allocator promises that zeroed memory is initialised.
    if zeroed && !unsafe { object.is_zero() } {
        return Err(fault(FaultKind::NotZeroed, op));
    }
    object.write(pattern(op.slot), 0);
    Ok(start)
}

/// # Safety
///
/// `old` must be a live object of `allocator` of the operation's old size and alignment.
unsafe fn realloc<A: LifetimeAlloc>(
    op: &Op,
    old: *mut u8,
    allocator: &A,
) -> Result<*mut u8, Fault> {
    let (old_layout, layout) = (layout_of(op.old_size, op), layout_of(op.size, op));
    // SAFETY: the caller says that the object is live and this large.
    if !unsafe { Stamped::new(old, old_layout.size()) }.is_intact(pattern(op.slot)) {
        return Err(fault(FaultKind::Overwritten, op));
    }
    // SAFETY: the caller says that the object is live with this layout; the new size is valid
    // and not 0 (1); the group is the object's and this worker's (4).
    let start = unsafe { allocator.realloc_for(old, old_layout, layout.size(), op.lifetime) };
    check_address(start, op)?;
    // SAFETY: the allocator promises `layout.size()` bytes.
    let object = unsafe { Stamped::new(start, layout.size()) };
    if !object.has_head(pattern(op.slot), old_layout.size()) {
        return Err(fault(FaultKind::NotPreserved, op));
    }
    object.write(pattern(op.slot), old_layout.size());
    Ok(start)
}

/// # Safety
///
/// `old` must be a live object of `allocator` of the operation's size and alignment.
unsafe fn free<A: LifetimeAlloc>(op: &Op, old: *mut u8, allocator: &A) -> Result<(), Fault> {
    let layout = layout_of(op.size, op);
    // SAFETY: the caller says that the object is live and this large.
    if !unsafe { Stamped::new(old, layout.size()) }.is_intact(pattern(op.slot)) {
        return Err(fault(FaultKind::Overwritten, op));
    }
    // SAFETY: the caller says that the object is live with this layout; the group is the object's
    // and this worker's, and ends with its last object (4).
    unsafe { allocator.dealloc_for(old, layout, op.lifetime) };
    Ok(())
}

fn layout_of(size: u64, op: &Op) -> Layout {
    // SAFETY: the planner checked that size and alignment form a layout (1).
    unsafe { Layout::from_size_align_unchecked(size as usize, op.align()) }
}

fn check_address(start: *mut u8, op: &Op) -> Result<(), Fault> {
    if start.is_null() {
        return Err(fault(FaultKind::OutOfMemory, op));
    }
    if start.addr() & (op.align() - 1) != 0 {
        return Err(fault(FaultKind::Misaligned, op));
    }
    Ok(())
}

#[cold]
fn fault(kind: FaultKind, op: &Op) -> Fault {
    Fault::new(kind, op.size, op.align())
}
