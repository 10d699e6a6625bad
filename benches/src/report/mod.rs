//! What came out: the machine, the versions, the tables.

mod environment;
mod page;
mod table;

pub use environment::Environment;
pub use page::Page;
pub use table::Table;
