//! What recording promises, one module per promise. The recorded programs are small C programs,
//! because each allocates exactly what it says; they are compiled by `cc`.
#![cfg(target_os = "linux")]

mod every_function;
mod hand_over;
mod limit;
mod nothing_lost;
mod processes;
mod programs;
mod refusals;
mod samples;
mod stacks;
mod thread_ends;
mod undisturbed;
