//! What happens when misuse of an `unsafe` interface is detected, and what the tools are told.
//!
//! Every detection in the library ends in one replaceable [handler](set_handler). The default
//! writes one line where there is a standard error (feature `std`) and aborts; without `std` it
//! panics, which is up to the program's panic handler.
//!
//! # Tools
//!
//! Address sanitizer and valgrind know `malloc`, not a pool: they miss a use after free inside a
//! slab unless they are told. Built with these flags, every slot that is taken and given back is
//! reported to them; without, the hooks compile to nothing.
//!
//! | flag | what is reported |
//! |---|---|
//! | `--cfg flagstone_asan` | free slots are poisoned; slabs are roots of the leak checker |
//! | `--cfg flagstone_valgrind` | slots are `malloc`-like blocks (x86-64 only) |

mod handler;
pub(crate) mod hooks;

pub(crate) use handler::report;
pub use handler::{Corruption, Handler, set_handler};
