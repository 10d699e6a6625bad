//! What came out: the machine, the versions, the tables.

mod benefits;
mod environment;
mod page;
mod table;

use benefits::Benefits;
pub use environment::Environment;
pub use page::Page;
pub use table::Table;
