//! What the trace format promises, one module per promise.

mod damage;
mod golden;
mod round_trip;
mod rules;
mod sites;
mod traces;
