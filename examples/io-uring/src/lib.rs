//! Reads into registered blocks; `README.md` tells how.

pub mod read;
pub mod ring;
