//! The library's promises, a file each.
//!
//! | file | promise |
//! |---|---|
//! | `suite` | what all pools promise: exhaustion, panics, re-entrancy, forgotten values, shapes, initializers, steady state, order, agreement with a naive pool |
//! | `arena_moves` | when something in an arena moves, its neighbours stay |
//! | `config` | a knob outside its range is refused by name, value and range |
//! | `extremes` | absurd sizes have an answer |
//! | `growth` | a pool grows as it is told, and never past its limit |
//! | `shrinking` | empty slabs go back, not too eagerly |
//! | `memory` | a provider may refuse, lie, panic and call back |
//! | `misuse` | indices and raw pointers from outside are checked |
//! | `own_index` | a user's index allocator cannot break memory safety |
//! | `index_rooms` | stack, free list and bitmap agree with a set |
//! | `index_growth` | an index that grows hands nothing out twice |
//! | `regions` | regions hand out disjoint, aligned pieces and merge them again |
//! | `formulas` | sizes, strides and classes obey their laws |
//! | `errors` | errors are small, say what was given, and hold the value |
//! | `hooks` | the ready-made hooks call what they say |
//! | `handles` | a handle does what its value does |
//! | `locks` | the two locks exclude |
//! | `touching` | `pre_initialize` touches every page, and nothing else does |
//! | `threads` | thread numbers and exit hooks |
//! | `sizes` | type sizes that users rely on |

use flagstone_testkit::heap_watch::HeapWatch;

/// Counts what the tests that promise "allocates nothing" ask of the heap.
#[global_allocator]
static HEAP: HeapWatch = HeapWatch;

mod arena_moves;
mod config;
mod errors;
mod extremes;
mod formulas;
mod growth;
mod handles;
mod hooks;
mod index_growth;
mod index_rooms;
mod locks;
mod memory;
mod misuse;
mod own_index;
mod regions;
mod shrinking;
mod sizes;
mod suite;
mod threads;
mod touching;
