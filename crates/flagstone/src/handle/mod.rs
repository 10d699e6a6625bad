//! What users hold: smart pointers to one slot each.
//!
//! | handle | holds | dropped |
//! |---|---|---|
//! | [`OwnedHandle`] | a value | the value is dropped, the slot freed |
//! | [`VacantHandle`] | an empty slot | the slot is freed |
//!
//! A handle knows its slot's address and a [`Home`], which knows how the slot goes back; it never
//! names a pool. Reading through it is one load.

mod forward;
mod owned;
mod vacant;

pub use crate::raw::{Home, Mapped, PinHome, ValueHome};
pub use owned::OwnedHandle;
pub use vacant::VacantHandle;
