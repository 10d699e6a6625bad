//! The library that records, as bytes.

/// The shared library that is loaded into the recorded program, built by this crate's build
/// script. Empty on targets that cannot be recorded: [`record`](crate::record) says so.
///
/// It records nothing unless the environment names a folder (see [`spool`](crate::spool)).
pub static PRELOAD: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libflagstone_record.so"));
