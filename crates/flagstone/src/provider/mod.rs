//! Where chunks come from.
//!
//! | provider | memory | needs |
//! |---|---|---|
//! | [`Global`] | the program's global allocator | `alloc` |
//! | [`ByteRegion`] | a byte slice that is lent to it | nothing |
//! | [`StaticRegion`] | a `static` of a size fixed at compile time, shared by threads | nothing |
//! | `OsPages` | whole pages from the operating system | `heap`, Unix |
//!
//! Your own is an implementation of [`Provider`]; `&P` is a provider when `P` is, so one provider
//! can serve many pools. [`Verified`] checks the answers of any of them.
//!
//! [`function_provider!`](crate::function_provider) makes one of two functions, and
//! [`link_provider!`](crate::link_provider) one of two symbols that the final program defines with
//! [`supply_provider!`](crate::supply_provider).

mod byte_region;
mod carve;
#[cfg(all(feature = "heap", unix))]
pub(crate) mod errno;
mod functions;
mod global;
#[cfg(all(feature = "heap", unix))]
mod os_pages;
mod request;
// Its lock cannot be made in a constant under a model checker.
#[cfg(not(any(loom, shuttle)))]
mod static_region;

pub use byte_region::ByteRegion;
pub use global::Global;
#[cfg(all(feature = "heap", unix))]
pub use os_pages::OsPages;
pub(crate) use request::request;
#[cfg(all(
    feature = "heap",
    feature = "std",
    unix,
    target_pointer_width = "64",
    not(any(loom, shuttle))
))]
pub(crate) use request::{addresses, memory, settled};
#[cfg(not(any(loom, shuttle)))]
pub use static_region::StaticRegion;

mod traits;
pub use traits::{Chunk, Provider, Purged};

mod verified;
pub use verified::Verified;
