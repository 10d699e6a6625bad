//! What imports and exports promise, one module per promise.

mod dhat;
mod exports;
mod heaptrack;
mod refusals;
mod round_trip;
#[path = "../promises/traces.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod traces;
mod view;
