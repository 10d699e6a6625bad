//! Turns the events of a window into one list of operations per worker.

use std::alloc::Layout;
use std::collections::HashMap;

use flagstone_trace::{Event, EventKind, ObjectId};

use super::groups::{Group, Groups};
use super::ledger::Ledger;
use super::lifetime::Lifetime;
use super::op::{Op, OpKind};
use super::survey::{Survey, impossible, unknown_kind};
use crate::Failure;

/// Alignment that `malloc` gives without being asked, in bytes.
const MALLOC_ALIGN: u64 = 16;

/// The operations of one window, worker by worker.
#[derive(Debug)]
pub(super) struct Window {
    ops: Vec<Op>,
    /// Where each worker's operations end; they start where the previous worker's end.
    ends: Vec<usize>,
}

impl Window {
    /// An empty window whose buffers are resident and large enough for all windows of the trace.
    pub(super) fn for_survey(survey: &Survey) -> Self {
        // Not all zeros: zeroed memory would become resident only when it is written.
        let filler = Op {
            size: 1,
            ..Op::default()
        };
        let mut ops = vec![filler; survey.longest_block];
        ops.clear();
        Self {
            ops,
            ends: Vec::with_capacity(survey.seats.workers()),
        }
    }

    /// What `worker` has to do, in its order.
    pub(super) fn ops_of(&self, worker: usize) -> &[Op] {
        let start = worker
            .checked_sub(1)
            .map_or(0, |previous| self.ends[previous]);
        &self.ops[start..self.ends[worker]]
    }

    /// Breaks the plan: worker 0 does not carry out its first operation.
    #[cfg(test)]
    pub(super) fn forget_first(&mut self) {
        self.ops.remove(0);
        self.ends.iter_mut().for_each(|end| *end -= 1);
    }
}

/// What is known about a live object.
#[derive(Clone, Copy, Debug)]
struct Tenant {
    size: u64,
    slot: u32,
    group: Group,
    align_log2: u8,
}

/// Follows a trace and plans it window by window.
///
/// Every object gets a slot for its life (the [`Ledger`] says which), and those in a phase a group
/// ([`Groups`]). Memory: live objects, slots and one window.
#[derive(Debug)]
pub(super) struct Planner<'a> {
    survey: &'a Survey,
    live: HashMap<ObjectId, Tenant>,
    ledger: Ledger,
    groups: Groups,
    /// Bytes of the live objects.
    live_bytes: u64,
    /// Where the next operation of each worker goes, while a window is planned.
    cursors: Vec<usize>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(survey: &'a Survey) -> Self {
        let workers = survey.seats.workers();
        Self {
            survey,
            live: touched_map(survey.peak_live_objects as usize),
            ledger: Ledger::new(Self::max_slots(survey), workers),
            groups: Groups::new(&survey.seats),
            live_bytes: 0,
            cursors: Vec::with_capacity(workers),
        }
    }

    /// Bytes that are live after the last planned event.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Most slots that [`plan`](Self::plan) can use.
    pub(super) fn max_slots(survey: &Survey) -> usize {
        survey.peak_live_objects as usize + survey.longest_block
    }

    /// Plans `events` into `window`, replacing what it held. `levels` are those of the next
    /// allocations, of which the planned ones are taken away; without any, no object is in a group.
    ///
    /// # Errors
    ///
    /// If an event is impossible or does not fit the survey.
    pub(super) fn plan(
        &mut self,
        events: &[Event],
        levels: &mut &[u8],
        window: &mut Window,
    ) -> Result<(), Failure> {
        self.ledger.end_window();
        self.share_out(events, window)?;
        for event in events {
            let worker = self.worker_of(event)?;
            let op = self.plan_event(event.kind, worker, levels)?;
            window.ops[self.cursors[worker]] = op;
            self.cursors[worker] += 1;
        }
        Ok(())
    }

    /// Plans the freeing of all that is left, by worker 0.
    pub(super) fn plan_rest(&mut self, window: &mut Window) {
        window.ops.clear();
        for (_, tenant) in self.live.drain() {
            let turn = self.ledger.next_turn(tenant.slot);
            let lifetime = tenant.group.lifetime();
            window.ops.push(op(OpKind::Free, tenant, lifetime, 0, turn));
        }
        window.ends.clear();
        window
            .ends
            .resize(self.survey.seats.workers(), window.ops.len());
    }

    /// Gives each worker a range of the window as long as it has events.
    fn share_out(&mut self, events: &[Event], window: &mut Window) -> Result<(), Failure> {
        self.cursors.clear();
        self.cursors.resize(self.survey.seats.workers(), 0);
        for event in events {
            let worker = self.worker_of(event)?;
            self.cursors[worker] += 1;
        }
        window.ends.clear();
        let mut end = 0;
        for cursor in &mut self.cursors {
            // From the number of a worker's events to where they start.
            let start = end;
            end += *cursor;
            *cursor = start;
            window.ends.push(end);
        }
        window.ops.resize(events.len(), Op::default());
        Ok(())
    }

    fn worker_of(&self, event: &Event) -> Result<usize, Failure> {
        let worker = self.survey.seats.worker_of(event.thread.0);
        worker.ok_or_else(|| impossible(format!("{} is new since the survey", event.thread)))
    }

    fn plan_event(
        &mut self,
        kind: EventKind,
        worker: usize,
        levels: &mut &[u8],
    ) -> Result<Op, Failure> {
        match kind {
            EventKind::Alloc {
                object,
                size,
                align,
                zeroed,
            } => {
                let (size, align_log2) = checked(size, align)?;
                let level = levels.split_off_first().copied().unwrap_or(0);
                let group = self.groups.join(worker, level)?;
                let tenant = Tenant {
                    size,
                    slot: self.ledger.take(worker),
                    group,
                    align_log2,
                };
                self.live_bytes = self.live_bytes.saturating_add(size);
                if self.live.insert(object, tenant).is_some() {
                    return Err(impossible(format!("{object} is allocated twice")));
                }
                let kind = if zeroed {
                    OpKind::AllocZeroed
                } else {
                    OpKind::Alloc
                };
                let turn = self.ledger.next_turn(tenant.slot);
                Ok(op(kind, tenant, group.lifetime(), 0, turn))
            }
            EventKind::Realloc { object, size } => {
                let Some(tenant) = self.live.get_mut(&object) else {
                    return Err(impossible(format!("{object} is resized but not live")));
                };
                let old_size = tenant.size;
                tenant.size = checked(size, 1 << tenant.align_log2)?.0;
                let tenant = *tenant;
                self.live_bytes = self
                    .live_bytes
                    .saturating_sub(old_size)
                    .saturating_add(tenant.size);
                let lifetime = self.groups.touch(worker, tenant.group)?;
                let turn = self.ledger.next_turn(tenant.slot);
                Ok(op(OpKind::Realloc, tenant, lifetime, old_size, turn))
            }
            EventKind::Free { object } => {
                let Some(tenant) = self.live.remove(&object) else {
                    return Err(impossible(format!("{object} is freed but not live")));
                };
                self.live_bytes = self.live_bytes.saturating_sub(tenant.size);
                self.ledger.give(worker, tenant.slot);
                let lifetime = self.groups.leave(worker, tenant.group)?;
                let turn = self.ledger.next_turn(tenant.slot);
                Ok(op(OpKind::Free, tenant, lifetime, 0, turn))
            }
            other => Err(unknown_kind(other)),
        }
    }
}

fn op(kind: OpKind, tenant: Tenant, lifetime: Lifetime, old_size: u64, turn: u32) -> Op {
    let Tenant {
        size,
        slot,
        align_log2,
        ..
    } = tenant;
    Op {
        size,
        old_size,
        slot,
        turn,
        kind,
        align_log2,
        lifetime,
    }
}

/// The size and alignment that a replay asks for, which form a valid [`Layout`].
///
/// A recording shows every plain `malloc` with the alignment that `malloc` promises. Asking the
/// contenders for 16 even for a byte would send the system's own `malloc` down the path for
/// over-aligned requests, so a small object asks for no more than its size rounded down to a
/// power of two, which is all that an object of that size can need. Rust has no allocations of
/// size 0; one byte stands for them.
fn checked(size: u64, align: u64) -> Result<(u64, u8), Failure> {
    let size = size.max(1);
    let align = if align <= MALLOC_ALIGN {
        align.min(1 << size.ilog2())
    } else {
        align
    };
    let valid = |size, align| Layout::from_size_align(size, align).is_ok();
    match (usize::try_from(size), usize::try_from(align)) {
        (Ok(bytes), Ok(boundary)) if valid(bytes, boundary) => {
            Ok((size, align.trailing_zeros() as u8))
        }
        _ => Err(impossible(format!(
            "{size} bytes aligned to {align} exceed the address space"
        ))),
    }
}

/// An empty map with room for `len` values, whose memory is resident.
///
/// It has room for twice as many, because removed entries take room until the map rehashes.
fn touched_map(len: usize) -> HashMap<ObjectId, Tenant> {
    let filler = Tenant {
        size: 0,
        slot: 0,
        group: Group::default(),
        align_log2: 0,
    };
    let room = 2 * len as u64 + 1;
    let mut map = HashMap::with_capacity(room as usize);
    map.extend((0..room).map(|object| (ObjectId(object), filler)));
    map.clear();
    map
}
