//! What is promised, a file each.
//!
//! | file | promise |
//! |---|---|
//! | `layer` | bodies arrive unchanged, within limit and budget, and are released with their last view |
//! | `server` | the same through a connection, and what is wrong on the command line is said in one sentence |

mod frames;
mod layer;
mod server;
