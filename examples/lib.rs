//! Whole programs; run them with `cargo run --example NAME`.
//!
//! The library holds how the programs take time, and compiles and runs the code of the project's
//! pages as tests.

pub mod race;

#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/coming-from.md")]
    mod coming_from {}
    #[doc = include_str!("../docs/life-of-a-value.md")]
    mod life_of_a_value {}
}
