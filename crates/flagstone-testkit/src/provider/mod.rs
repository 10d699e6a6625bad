//! Providers that notice, refuse, lie, call back and lend.
//!
//! | provider | does |
//! |---|---|
//! | [`Counting`] | keeps a ledger of every chunk; a free with another layout, or a chunk left over, is a failure |
//! | [`FailNth`] | refuses chosen requests |
//! | [`Lying`] | gives a short or misaligned chunk at a chosen request |
//! | [`Reentrant`] | runs a closure before every request and free |
//! | [`Lending`] | carves from bytes of its own, through `ByteRegion` |
//! | [`Supplied`] | any of the library's providers, chosen at run time, under a ledger |

mod counting;
mod fail_nth;
mod lending;
mod lying;
mod reentrant;
mod supplied;

pub use counting::Counting;
pub use fail_nth::FailNth;
pub use lending::Lending;
pub use lying::{Lie, Lying};
pub use reentrant::{Call, Reentrant};
pub use supplied::{Source, Supplied};
