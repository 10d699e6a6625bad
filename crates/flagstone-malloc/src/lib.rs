#![doc = include_str!("../README.md")]
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![expect(
    unsafe_code,
    reason = "C functions on raw pointers are all it deals in"
)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the contracts are those of the C standard"
)]

mod environment;
mod errno;
pub mod family;
pub mod inner_names;
pub mod report;
mod request;
mod start;
