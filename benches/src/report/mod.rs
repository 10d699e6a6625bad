//! What came out: the machine, the versions, the tables.

mod benefits;
mod environment;
mod heaps;
mod page;
mod sharing;
mod table;

use benefits::Benefits;
pub use environment::Environment;
use heaps::Heaps;
pub use page::{Page, write_whole};
use sharing::Sharing;
pub use table::Table;
