//! A first tour.
fn main() {}
