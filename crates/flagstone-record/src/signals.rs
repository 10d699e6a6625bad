//! What happens to signals that would end the recorder.
//!
//! The terminal sends its signals to the program as well, so while the program runs the recorder
//! outlives them, and passes on those that come to it alone. Afterwards they end it, and it cleans
//! up.

use std::io;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

/// No program runs yet, or none any more.
const IDLE: i32 = 0;
/// A signal asked the recorder to end.
const INTERRUPTED: i32 = -1;

/// Catches signals from its making until it is dropped.
#[derive(Debug)]
pub(crate) struct SignalGuard {
    /// Process id of the running program, or one of the constants.
    state: Arc<AtomicI32>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl SignalGuard {
    pub(crate) fn new() -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP])?;
        let handle = signals.handle();
        let state = Arc::new(AtomicI32::new(IDLE));
        let thread = {
            let state = Arc::clone(&state);
            thread::Builder::new()
                .name("signals".into())
                .spawn(move || {
                    signals
                        .forever()
                        .for_each(|signal| on_signal(&state, signal));
                })?
        };
        Ok(Self {
            state,
            handle,
            thread: Some(thread),
        })
    }

    /// From now on signals are the program's.
    pub(crate) fn program_started(&self, child: &Child) {
        // Relaxed, here and below: the number alone is the message.
        self.state.store(child.id() as i32, Ordering::Relaxed);
    }

    /// From now on signals interrupt the recorder.
    pub(crate) fn program_ended(&self) {
        self.state.store(IDLE, Ordering::Relaxed);
    }

    /// Whether a signal came while no program ran.
    pub(crate) fn interrupted(&self) -> bool {
        self.state.load(Ordering::Relaxed) == INTERRUPTED
    }
}

fn on_signal(state: &AtomicI32, signal: i32) {
    let forwarded = match signal {
        SIGTERM => Some(Signal::TERM),
        SIGHUP => Some(Signal::HUP),
        _ => None,
    };
    match (
        Pid::from_raw(state.load(Ordering::Relaxed).max(IDLE)),
        forwarded,
    ) {
        // The program may end at this moment; there is nobody to tell then.
        (Some(program), Some(signal)) => drop(kill_process(program, signal)),
        (Some(_), None) => {}
        (None, _) => state.store(INTERRUPTED, Ordering::Relaxed),
    }
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It runs nothing that panics, and there is nothing to do about it here.
            drop(thread.join());
        }
    }
}
