//! The threads that play a trace together.
#![expect(
    unsafe_code,
    reason = "promises the player that windows are played in order"
)]

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, OnceLock, PoisonError, RwLock, mpsc};
use std::thread;

use super::fault::{Fault, FaultKind};
use super::gauge::Gauge;
use super::lifetime::LifetimeAlloc;
use super::measured::Measured;
use super::planner::{Planner, Window};
use super::player;
use super::slots::SlotTable;
use super::stage::Stopped;
use super::survey::Survey;
use super::windows::Windows;
use crate::Failure;

/// A lead, which is the calling thread and worker 0, and its followers.
///
/// ```text
/// lead       plan ─┬─ play ─┬─ measure, plan ─┬─ play ─┬─ ...
/// followers        ├─ play ─┤                 ├─ play ─┤
///                 gate     gate              gate     gate
/// ```
///
/// Between two gates the workers are ordered by nothing but the turns of the slots. That cannot
/// deadlock: every wait is for an operation that is earlier in the recording, so the earliest
/// operation not yet carried out never waits.
#[derive(Debug)]
pub(super) struct Crew<'a, A> {
    survey: &'a Survey,
    slots: SlotTable,
    window: RwLock<Window>,
    gate: Barrier,
    allocator: OnceLock<A>,
    busy_ns: AtomicU64,
    fault: Mutex<Option<Fault>>,
    over: AtomicBool,
}

impl<'a, A: LifetimeAlloc + Send + Sync> Crew<'a, A> {
    pub(super) fn new(survey: &'a Survey) -> Self {
        Self {
            survey,
            slots: SlotTable::new(Planner::max_slots(survey)),
            window: RwLock::new(Window::for_survey(survey)),
            gate: Barrier::new(survey.seats.workers()),
            allocator: OnceLock::new(),
            busy_ns: AtomicU64::new(0),
            fault: Mutex::new(None),
            over: AtomicBool::new(false),
        }
    }

    /// Plays all windows on the allocator that `make` makes.
    pub(super) fn play(
        &self,
        windows: Windows<'_>,
        make: impl FnOnce() -> A,
    ) -> Result<Measured, Stopped> {
        thread::scope(|scope| {
            let mut starts = Vec::new();
            for worker in 1..self.survey.seats.workers() {
                let (start, started) = mpsc::channel();
                thread::Builder::new()
                    .spawn_scoped(scope, move || self.follow(worker, &started))
                    .map_err(cannot_start)?;
                starts.push(start);
            }
            // If a thread could not be started, the others hear nothing and end: at the gate they
            // would wait for it for ever.
            for start in &starts {
                start.send(()).map_err(cannot_start)?;
            }
            self.gate.wait();
            let _curtain = Curtain(self);
            self.lead(windows, make)
        })
    }

    fn lead(
        &self,
        mut windows: Windows<'_>,
        make: impl FnOnce() -> A,
    ) -> Result<Measured, Stopped> {
        let mut more = self.plan(|window| windows.next(window))?;
        let mut gauge = Gauge::start();
        let allocator = self.allocator.get_or_init(make);
        while more {
            self.gate.wait();
            self.play_part(0, allocator);
            self.gate.wait();
            if let Some(fault) = self
                .fault
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
            {
                return Err(fault.into());
            }
            gauge.sample();
            more = self.plan(|window| windows.next(window))?;
        }
        // Relaxed: the last gate ordered all additions before this load.
        let measured = gauge.finish(self.survey.events, self.busy_ns.load(Ordering::Relaxed));
        self.plan(|window| windows.rest(window));
        self.play_part(0, allocator);
        match self
            .fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            Some(fault) => Err(fault.into()),
            None => Ok(measured),
        }
    }

    /// Lets `plan` change the window; the followers are waiting at a gate.
    fn plan<T>(&self, plan: impl FnOnce(&mut Window) -> T) -> T {
        plan(&mut self.window.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn follow(&self, worker: usize, started: &mpsc::Receiver<()>) {
        if started.recv().is_err() {
            return;
        }
        self.gate.wait();
        loop {
            self.gate.wait();
            // Relaxed: the gate ordered the store before this load.
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            if let Some(allocator) = self.allocator.get() {
                self.play_part(worker, allocator);
            }
            self.gate.wait();
        }
    }

    /// Plays a worker's part of the window. A panic of the allocator counts as a fault: it must
    /// not keep the others waiting at the gate.
    fn play_part(&self, worker: usize, allocator: &A) {
        let window = self.window.read().unwrap_or_else(PoisonError::into_inner);
        let played = panic::catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the lead plans every window of the trace in order and all workers have
            // passed the gate behind the previous one; a fault ends the replay.
            unsafe { player::play(window.ops_of(worker), &self.slots, allocator) }
        }));
        let fault = match played {
            Ok(Ok(busy_ns)) => {
                // Relaxed: a sum that is read behind a gate.
                self.busy_ns.fetch_add(busy_ns, Ordering::Relaxed);
                return;
            }
            Ok(Err(fault)) => fault,
            Err(_panic) => Fault::new(FaultKind::Panicked, 0, 0),
        };
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(fault);
        self.slots.stop();
    }
}

fn cannot_start(error: impl fmt::Display) -> Failure {
    Failure::about("a thread for the replay cannot be started", error)
}

/// Sends the followers home when the lead leaves, also when it panics.
struct Curtain<'c, 'a, A: LifetimeAlloc + Send + Sync>(&'c Crew<'a, A>);

impl<A: LifetimeAlloc + Send + Sync> Drop for Curtain<'_, '_, A> {
    fn drop(&mut self) {
        // Relaxed: the gate orders it before the followers' load.
        self.0.over.store(true, Ordering::Relaxed);
        self.0.gate.wait();
    }
}
