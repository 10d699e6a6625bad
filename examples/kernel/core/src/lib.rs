//! A small kernel: tasks, messages between them, timers, and work that another context does. It has
//! no `std`, no allocator and no operating system; every object is in a slab of one static region.
//!
//! What is shown here is how such a program keeps its memory:
//!
//! - one cache for each kind of object ([`cache`]), a clone of it for each context;
//! - boxes that know their way home, so tables and lists hold nothing but boxes, and any context may
//!   drop one;
//! - a refusal that gives the object back, instead of an end of the system;
//! - an account of bytes ([`memory`]): after [`boot`] none is in use.
//!
//! The kernel does not know what it runs on. [`Machine`] is all that it asks for, and each program
//! beside this crate implements it: for Linux without a C library, for a Cortex-M3, for a bare
//! x86-64 machine.
#![no_std]

mod account;
pub mod cache;
mod errand;
mod fault;
mod kernel;
mod machine;
pub mod memory;
mod queue;
mod tasks;
mod timers;

pub use account::Account;
pub use errand::Errand;
pub use fault::Fault;
pub use kernel::{Plan, boot, run};
pub use machine::Machine;
