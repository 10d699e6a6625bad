#![expect(unsafe_code, reason = "allocates and frees by hand")]
mod block;
mod classes;
mod doors;
mod extremes;
mod forks;
#[cfg(not(any(flagstone_asan, flagstone_tsan)))]
mod given_back;
mod limits;
mod model;
mod process;
mod resizing;
mod thread_ends;
mod threads;
