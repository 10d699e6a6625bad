//! A thread that gives memory back when nobody allocates.

use alloc::sync::Arc;
use core::time::Duration;
use std::{io, thread};

use super::Heap;

/// A thread that calls [`Heap::tick`] again and again until this is dropped: for programs that become idle after
/// a burst and should become small then, without a call of their own.
///
/// ```
/// use core::time::Duration;
/// use flagstone::heap::{Heap, Ticker};
///
/// static HEAP: Heap = Heap::new();
/// let ticker = Ticker::start(&HEAP, Duration::from_millis(500))?;
/// // … the program …
/// drop(ticker);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the thread ends when this is dropped"]
pub struct Ticker {
    /// As long as it is there, the thread goes on.
    running: Option<Arc<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Ticker {
    /// Starts the thread, which has the name `heap-ticker` and looks every so often.
    ///
    /// # Errors
    ///
    /// When the system has no thread.
    pub fn start(heap: &'static Heap, every: Duration) -> io::Result<Self> {
        let running = Arc::new(());
        let watched = Arc::downgrade(&running);
        let thread = thread::Builder::new()
            .name("heap-ticker".into())
            .spawn(move || {
                loop {
                    thread::park_timeout(every);
                    if watched.strong_count() == 0 {
                        return;
                    }
                    heap.tick();
                }
            })?;
        Ok(Self {
            running: Some(running),
            thread: Some(thread),
        })
    }
}

impl Drop for Ticker {
    /// Ends the thread, and waits for it.
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
