//! Arenas: what all of them promise, and what only some can.
//!
//! | file | promise |
//! |---|---|
//! | `suite` | what all arenas promise: places, drops, boxes, surprises, re-entrancy, faults, limits, steady state, blocks, agreement with a naive arena |
//! | `chunk_sizes` | chunks double to a cap, by a formula that no run of requests defeats |
//! | `scopes` | a scope frees what is its own, and nothing else |
//! | `checkpoints` | going back frees what came since, and nothing else |
//! | `outer_blocks` | a block from outside of a scope is neither moved into, freed, nor lost |
//! | `regions` | lent bytes and static memory are an arena without an allocator |
//! | `walks` | what lies in an arena is found, in order |
//! | `fresh` | empty arenas share nothing, and move to other threads with what they keep |
//! | `collections` | collections of others live in an arena |

#[cfg(not(flagstone_tsan))]
mod checkpoints;
#[cfg(not(flagstone_tsan))]
mod chunk_sizes;
#[cfg(all(
    feature = "allocator-api2-02",
    feature = "allocator-api2-04",
    not(flagstone_tsan)
))]
mod collections;
mod fresh;
#[cfg(feature = "allocator-api2-02")]
mod outer_blocks;
mod regions;
#[cfg(not(flagstone_tsan))]
mod scopes;
#[cfg(not(flagstone_tsan))]
mod suite;
#[cfg(not(flagstone_tsan))]
mod walks;
