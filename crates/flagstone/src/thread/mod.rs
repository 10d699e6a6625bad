//! Small numbers for threads, and something to run when a thread ends.
//!
//! | call | in a running thread | after the thread's locals are gone |
//! |---|---|---|
//! | [`number()`] | a small number, reused once the thread has ended | `None` |
//! | [`on_exit`] | runs the hook when the thread ends | gives the hook back |
//!
//! A structure that keeps something per thread asks for the number, uses it as an index, and
//! registers a hook that hands over what the thread still holds. When either call says that the
//! thread is past its end (it is running the destructor of some other thread-local value), the
//! structure must use what all threads share.

mod exit;
mod number;

#[cfg(all(
    feature = "heap",
    unix,
    target_pointer_width = "64",
    not(any(loom, shuttle))
))]
pub(crate) use exit::run_last;
pub use exit::{Exited, on_exit};
pub use number::{ThreadNumber, number};
