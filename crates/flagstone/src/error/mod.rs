//! What can go wrong, said in one sentence.
//!
//! | type | says | gives back |
//! |---|---|---|
//! | [`AllocError<T>`] | a door had no slot or no memory | the value |
//! | [`OutOfMemory`] | a provider had no chunk, or a wrong one | – |
//! | [`ConfigError`] | a knob has a value outside its range | – |
//! | [`IndexError`] | an index is foreign, or not in use | – |
//!
//! All are small, allocate nothing and are opaque: they are asked questions, not matched on.

mod alloc_error;
mod config_error;
mod index_error;
mod out_of_memory;

pub(crate) use alloc_error::Cause;
pub use alloc_error::{AllocError, AllocErrorKind};
pub use config_error::ConfigError;
pub(crate) use config_error::{Allowed, Given};
pub use index_error::IndexError;
pub use out_of_memory::OutOfMemory;
pub(crate) use out_of_memory::Refusal;
