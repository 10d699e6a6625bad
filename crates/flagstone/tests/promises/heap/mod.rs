#![expect(unsafe_code, reason = "allocates and frees by hand")]
mod block;
mod classes;
mod doors;
mod extremes;
mod model;
mod process;
mod resizing;
mod thread_ends;
mod threads;
