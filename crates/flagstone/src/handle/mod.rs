//! What users hold: smart pointers to one slot each.
//!
//! | handle | holds | dropped |
//! |---|---|---|
//! | [`OwnedHandle`] | a value | the value is dropped, the slot freed |
//! | [`VacantHandle`] | an empty slot | the slot is freed |
//! | [`SharedHandle`] | a value, with others | the last one drops the value and frees the slot |
//! | [`WeakHandle`] | nothing | nothing happens |
//!
//! A handle knows its slot's address and a [`Home`], which knows how the slot goes back; it never
//! names a pool. Reading through it is one load.

mod forward;
mod owned;
mod shared;
mod shared_forward;
mod vacant;
mod weak;

#[cfg(target_has_atomic = "64")]
pub use crate::raw::AtomicCount;
pub use crate::raw::{Count, Home, LocalCount, Mapped, PinHome, SharedHome, Ticket, ValueHome};
pub use owned::OwnedHandle;
pub use shared::SharedHandle;
pub use vacant::VacantHandle;
pub use weak::WeakHandle;
