//! Arenas: what all of them promise, and what only some can.
//!
//! | file | promise |
//! |---|---|
//! | `suite` | what all arenas promise: places, drops, boxes, surprises, re-entrancy, faults, limits, steady state, blocks, agreement with a naive arena |

mod suite;
