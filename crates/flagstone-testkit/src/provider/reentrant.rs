//! A provider that calls back.
#![expect(unsafe_code, reason = "implements Provider")]

use std::{alloc::Layout, cell::RefCell, fmt, ptr::NonNull, rc::Rc};

use flagstone::{
    OutOfMemory,
    provider::{Chunk, Global, Provider},
};

/// Which call a callback runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A request for a chunk.
    Alloc,
    /// A chunk that comes back.
    Free,
}

type Callback = Rc<dyn Fn(Call)>;

/// Runs a closure before every request and every free; the closure may use the structure that the
/// provider serves. A call that the closure itself causes runs it no second time.
#[derive(Default)]
pub struct Reentrant {
    callback: RefCell<Option<Callback>>,
}

impl Reentrant {
    /// From now on, runs `callback`.
    pub fn call(&self, callback: impl Fn(Call) + 'static) {
        *self.callback.borrow_mut() = Some(Rc::new(callback));
    }

    /// Calls nobody any more.
    pub fn hush(&self) {
        let _ = self.callback.take();
    }

    fn run(&self, call: Call) {
        let Some(callback) = self.callback.take() else {
            return;
        };
        callback(call);
        // Unless the callback has said otherwise.
        let mut place = self.callback.borrow_mut();
        if place.is_none() {
            *place = Some(callback);
        }
    }
}

// SAFETY: every answer is the global allocator's.
unsafe impl Provider for Reentrant {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        self.run(Call::Alloc);
        Global.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        self.run(Call::Free);
        // SAFETY: the caller's promise.
        unsafe { Global.free(ptr, layout) }
    }
}

impl fmt::Debug for Reentrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reentrant").finish_non_exhaustive()
    }
}
