//! Whole programs; run them with `cargo run --example NAME`.
