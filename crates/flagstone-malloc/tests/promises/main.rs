//! What the library promises to the programs it is loaded into, one module per promise. Small C programs
//! ask for exactly what they say; they are compiled by `cc`.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

mod contract;
mod library;
mod misuse;
mod programs;
mod shape;
mod statistics;
mod threads;
