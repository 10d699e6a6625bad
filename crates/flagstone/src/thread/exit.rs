//! Hooks that run when a thread ends.

use alloc::{boxed::Box, vec::Vec};
use core::{cell::Cell, fmt, mem::ManuallyDrop};
use std::thread_local;

use super::number;

/// The thread is past its exit hooks; the hook was not registered and is inside.
pub struct Exited<F>(F);

impl<F> Exited<F> {
    /// The hook that would not have been run.
    pub fn into_inner(self) -> F {
        self.0
    }
}

impl<F> fmt::Debug for Exited<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exited").finish_non_exhaustive()
    }
}

impl<F> fmt::Display for Exited<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread has already run its exit hooks")
    }
}

impl<F> core::error::Error for Exited<F> {}

/// Where a thread stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No hook was ever registered; the destructor that runs hooks is not either.
    Fresh,
    /// The destructor will run, or is running.
    Armed,
    /// The hooks have run.
    Ended,
}

type Hook = Box<dyn FnOnce()>;

/// Hooks in the order of their registration. Taken out and put back around every use, so that
/// nothing is borrowed while an allocator or a hook runs.
type Registered = Cell<ManuallyDrop<Vec<Hook>>>;

thread_local! {
    // Both without destructors, so that they can be used at any time of a thread's life.
    static STAGE: Cell<Stage> = const { Cell::new(Stage::Fresh) };
    static HOOKS: Registered = const { Cell::new(ManuallyDrop::new(Vec::new())) };
    static END: End = const { End };
    // What the heap of the process does last; kept apart, because it must not allocate.
    static LAST: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// Runs the hooks when it is destroyed with its thread's locals.
struct End;

/// Runs `hook` when the calling thread ends, in the reverse order of registration; hooks may use
/// the pools, ask for their thread's number, and register further hooks. A hook that panics aborts
/// the process, as any panic while thread-locals are destroyed does.
///
/// Allocates for the hook, with nothing borrowed or locked: the global allocator may itself call
/// this.
///
/// # Errors
///
/// Gives the hook back when the thread has already run its hooks: the caller is in the destructor
/// of a thread-local value that is destroyed later.
///
/// ```
/// use std::sync::mpsc;
///
/// let (sender, receiver) = mpsc::channel();
/// std::thread::spawn(move || {
///     flagstone::thread::on_exit(move || sender.send("gone").unwrap()).unwrap();
/// })
/// .join()
/// .unwrap();
/// assert_eq!(receiver.recv(), Ok("gone"));
/// ```
pub fn on_exit<F: FnOnce() + 'static>(hook: F) -> Result<(), Exited<F>> {
    if !is_running() {
        return Err(Exited(hook));
    }
    let hook: Hook = Box::new(hook);
    let mut hooks = take();
    hooks.push(hook);
    // The allocator may have registered hooks while `push` was growing.
    hooks.append(&mut take());
    HOOKS.set(ManuallyDrop::new(hooks));
    Ok(())
}

/// Runs `hook` when the calling thread ends, behind all other hooks and what they leave. `false` if it has run
/// them already. Allocates nothing itself; one hook only.
#[cfg(all(
    feature = "heap",
    unix,
    target_pointer_width = "64",
    not(any(loom, shuttle))
))]
pub(crate) fn run_last(hook: fn()) -> bool {
    let running = is_running();
    if running {
        LAST.set(Some(hook));
    }
    running
}

fn take() -> Vec<Hook> {
    ManuallyDrop::into_inner(HOOKS.replace(ManuallyDrop::new(Vec::new())))
}

/// Whether the calling thread will still run hooks registered now; sees to it that it does.
pub(super) fn is_running() -> bool {
    match STAGE.get() {
        Stage::Armed => true,
        Stage::Ended => false,
        Stage::Fresh => {
            // The first access registers the destructor.
            let armed = END.try_with(|_| ()).is_ok();
            STAGE.set(if armed { Stage::Armed } else { Stage::Ended });
            armed
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        loop {
            let mut hooks = take();
            let last = hooks.pop();
            HOOKS.set(ManuallyDrop::new(hooks));
            match last {
                Some(hook) => hook(), // USER CODE
                None => break,
            }
        }
        STAGE.set(Stage::Ended);
        drop(take());
        number::give_back();
        if let Some(last) = LAST.take() {
            last();
        }
    }
}
