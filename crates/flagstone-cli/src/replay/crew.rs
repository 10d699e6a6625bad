//! The threads that play a trace together.
#![expect(
    unsafe_code,
    reason = "promises the player that windows are played in order"
)]

use std::fmt;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, mpsc};
use std::thread;

use super::fault::{Fault, FaultKind};
use super::gauge::Gauge;
use super::latency::Latencies;
use super::lifetime::LifetimeAlloc;
use super::measured::Measured;
use super::planner::{Planner, Window};
use super::player;
use super::probe::Probe;
use super::purpose::Purpose;
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
/// operation not yet carried out never waits. Should a plan lack an operation all the same, the
/// workers find out ([`Board`](super::board::Board)) and the replay ends with a sentence.
#[derive(Debug)]
pub(super) struct Crew<'a, A> {
    survey: &'a Survey,
    purpose: Purpose,
    slots: SlotTable,
    window: RwLock<Window>,
    gate: Barrier,
    allocator: OnceLock<A>,
    busy_ns: AtomicU64,
    latencies: Mutex<Latencies>,
    fault: Mutex<Option<Fault>>,
    over: AtomicBool,
}

impl<'a, A: LifetimeAlloc + Send + Sync> Crew<'a, A> {
    pub(super) fn new(survey: &'a Survey, purpose: Purpose) -> Self {
        Self {
            survey,
            purpose,
            slots: SlotTable::new(Planner::max_slots(survey), survey.seats.workers()),
            window: RwLock::new(Window::for_survey(survey)),
            gate: Barrier::new(survey.seats.workers()),
            allocator: OnceLock::new(),
            busy_ns: AtomicU64::new(0),
            latencies: Mutex::default(),
            fault: Mutex::new(None),
            over: AtomicBool::new(false),
        }
    }

    /// Plays all windows on the allocator that `make` makes; each worker has a probe.
    pub(super) fn play<P: Probe>(
        &self,
        windows: Windows<'_>,
        probe: impl Fn() -> P + Sync,
        make: impl FnOnce() -> A,
    ) -> Result<Measured, Stopped> {
        let probe = &probe;
        let mut measured = thread::scope(|scope| {
            let mut starts = Vec::new();
            for worker in 1..self.survey.seats.workers() {
                let (start, started) = mpsc::channel();
                thread::Builder::new()
                    .spawn_scoped(scope, move || self.follow(worker, probe(), &started))
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
            self.lead(windows, probe(), make)
        })?;
        // All followers have handed in: the scope has ended.
        let latencies = mem::take(&mut *lock(&self.latencies));
        measured.latencies = (!latencies.sorts.is_empty()).then_some(latencies);
        Ok(measured)
    }

    fn lead<P: Probe>(
        &self,
        mut windows: Windows<'_>,
        mut probe: P,
        make: impl FnOnce() -> A,
    ) -> Result<Measured, Stopped> {
        let mut more = self.plan(|window| windows.next(window))?;
        let mut gauge = Gauge::start(self.purpose.most_windows(self.survey));
        let allocator = self.allocator.get_or_init(make);
        while more {
            self.gate.wait();
            self.play_part(0, allocator, &mut probe);
            self.gate.wait();
            self.verdict(&windows)?;
            gauge.sample(windows.end());
            more = self.plan(|window| windows.next(window))?;
        }
        // Relaxed: the last gate ordered all additions before this load.
        let measured = gauge.finish(self.survey.events, self.busy_ns.load(Ordering::Relaxed));
        self.plan(|window| windows.rest(window));
        for worker in 1..self.survey.seats.workers() {
            self.slots.end_part(worker);
        }
        self.play_part(0, allocator, &mut super::probe::NoProbe);
        self.verdict(&windows)?;
        self.hand_in(probe);
        Ok(measured)
    }

    /// What the workers met in the last window, all of whom have ended their parts.
    fn verdict(&self, windows: &Windows<'_>) -> Result<(), Stopped> {
        if let Some(fault) = lock(&self.fault).take() {
            return Err(fault.into());
        }
        match self.slots.stuck() {
            Some(wait) => {
                let window = self.window.read().unwrap_or_else(PoisonError::into_inner);
                Err(windows.stuck(&window, wait).into())
            }
            None => Ok(()),
        }
    }

    /// Adds what a worker's probe measured.
    fn hand_in(&self, probe: impl Probe) {
        if let Some(latencies) = probe.finish() {
            lock(&self.latencies).merge(&latencies);
        }
    }

    /// Lets `plan` change the window; the followers are waiting at a gate.
    fn plan<T>(&self, plan: impl FnOnce(&mut Window) -> T) -> T {
        self.slots.open_window();
        plan(&mut self.window.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn follow<P: Probe>(&self, worker: usize, mut probe: P, started: &mpsc::Receiver<()>) {
        if started.recv().is_err() {
            return;
        }
        self.gate.wait();
        loop {
            self.gate.wait();
            // Relaxed: the gate ordered the store before this load.
            if self.over.load(Ordering::Relaxed) {
                return self.hand_in(probe);
            }
            if let Some(allocator) = self.allocator.get() {
                self.play_part(worker, allocator, &mut probe);
            }
            self.gate.wait();
        }
    }

    /// Plays a worker's part of the window. A panic of the allocator counts as a fault: it must
    /// not keep the others waiting at the gate.
    fn play_part(&self, worker: usize, allocator: &A, probe: &mut impl Probe) {
        let window = self.window.read().unwrap_or_else(PoisonError::into_inner);
        let played = panic::catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the lead plans every window of the trace in order and all workers have
            // passed the gate behind the previous one; a fault ends the replay.
            unsafe { player::play(worker, window.ops_of(worker), &self.slots, allocator, probe) }
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
        lock(&self.fault).get_or_insert(fault);
        self.slots.stop();
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
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
