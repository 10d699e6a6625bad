//! The library's promises, a file each.
//!
//! | file | promise |
//! |---|---|
//! | `suite` | what all pools promise: exhaustion, panics, re-entrancy, forgotten values, shapes, initializers, steady state, order, agreement with a naive pool |
//! | `arena/` | what arenas promise, a file each |
//! | `arena_resets` | a reset takes everything back, whatever was open and whichever way it goes |
//! | `arena_stats` | what arenas count is what happened (feature `stats`) |
//! | `arena_review` | an arena stays exact where its parts meet: blocks that move, chunks that are barely large enough, panics, calls back |
//! | `arena_threads` | what threads allocate at once in one arena is apart, stays, and is dropped once |
//! | `arena_moves` | when something in an arena moves, its neighbours stay |
//! | `config` | a knob outside its range is refused by name, value and range |
//! | `extremes` | absurd sizes have an answer |
//! | `function_providers` | providers made of two functions call them, whatever their names |
//! | `growth` | a pool grows as it is told, and never past its limit |
//! | `shrinking` | empty slabs go back, not too eagerly |
//! | `memory` | a provider may refuse, lie, panic and call back |
//! | `misuse` | indices and raw pointers from outside are checked |
//! | `own_index` | a user's index allocator cannot break memory safety |
//! | `index_rooms` | stack, free list and bitmap agree with a set |
//! | `index_threads` | numbers that threads share are had by one, freed once, and found while they are free |
//! | `index_growth` | an index that grows hands nothing out twice |
//! | `recycle` | recycled objects stay constructed and in place; each hook runs exactly when it is to |
//! | `recycle_cache` | objects of a slab cache stay constructed, and each is discarded once |
//! | `recycle_model` | a recycling pool agrees with a naive one |
//! | `blocks/` | what blocks and budgets promise, a file each |
//! | `buffers` | a buffer gives out and drops what was written to it, and nothing else |
//! | `buffers_model` | a buffer pool agrees with vectors |
//! | `raw_buffers` | a raw region gives out disjoint buffers and checks what it says it checks |
//! | `policies` | a drop policy is applied to every value, and loses none |
//! | `pools_review` | pools stay exact where their parts meet: locks that own something or let others in first |
//! | `providers` | what a provider can do besides giving chunks is done or refused, and its wrong answers are found |
//! | `regions` | regions hand out disjoint, aligned pieces and merge them again |
//! | `formulas` | sizes, strides and classes obey their laws |
//! | `errors` | errors are small, say what was given, and hold the value |
//! | `heap/` | what the heap promises, a file each |
//! | `blocks/` | what budgets, and those who wait for them, promise, a file each |
//! | `hooks` | the ready-made hooks call what they say |
//! | `handles` | a handle does what its value does |
//! | `locks` | the two locks exclude |
//! | `touching` | `pre_initialize` touches every page, and nothing else does |
//! | `threads` | thread numbers and exit hooks |
//! | `stats` | statistics are exact, add up and are read back from JSON (feature `stats`) |
//! | `shared_handles` | the last handle drops the value, and weak ones find no other |
//! | `shared_pool` | threads that share a pool own their slots alone, and wait for nobody's user code |
//! | `static_handles` | a pool ends with the last handle that keeps it |
//! | `lock_free_exact` | a lock-free pool that counts exactly does, and what is free is at everybody's hand |
//! | `thread_local_pool` | an instance for each thread ends once, on its thread |
//! | `sizes` | type sizes that users rely on |
//! | `slab_cache` | slots of any size are had once, come home from anywhere, and their memory goes back |

use flagstone_testkit::heap_watch::HeapWatch;

/// Counts what the tests that promise "allocates nothing" ask of the heap.
#[global_allocator]
static HEAP: HeapWatch = HeapWatch;

// The thread sanitizer is shown what threads share. The other files are about one thread at a time, and most of
// what takes time to compile.
mod arena;
#[cfg(not(flagstone_tsan))]
mod arena_moves;
#[cfg(not(flagstone_tsan))]
mod arena_resets;
#[cfg(not(flagstone_tsan))]
mod arena_review;
#[cfg(feature = "stats")]
mod arena_stats;
mod arena_threads;
#[cfg(all(feature = "blocks", target_has_atomic = "64"))]
mod blocks;
#[cfg(not(flagstone_tsan))]
mod buffers;
#[cfg(not(flagstone_tsan))]
mod buffers_model;
#[cfg(not(flagstone_tsan))]
mod config;
#[cfg(not(flagstone_tsan))]
mod errors;
#[cfg(not(flagstone_tsan))]
mod extremes;
#[cfg(not(flagstone_tsan))]
mod formulas;
#[cfg(not(flagstone_tsan))]
mod function_providers;
#[cfg(not(flagstone_tsan))]
mod growth;
#[cfg(not(flagstone_tsan))]
mod handles;
#[cfg(all(
    feature = "std",
    feature = "heap",
    target_os = "linux",
    target_pointer_width = "64",
    not(miri)
))]
mod heap;
#[cfg(not(flagstone_tsan))]
mod hooks;
#[cfg(not(flagstone_tsan))]
mod index_growth;
#[cfg(not(flagstone_tsan))]
mod index_rooms;
mod index_threads;
mod lock_free;
mod lock_free_exact;
mod lock_free_process;
mod locks;
#[cfg(not(flagstone_tsan))]
mod memory;
mod misuse;
#[cfg(not(flagstone_tsan))]
mod own_index;
mod policies;
#[cfg(not(flagstone_tsan))]
mod pools_review;
#[cfg(not(flagstone_tsan))]
mod providers;
#[cfg(not(flagstone_tsan))]
mod raw_buffers;
#[cfg(not(flagstone_tsan))]
mod recycle;
mod recycle_cache;
#[cfg(not(flagstone_tsan))]
mod recycle_model;
mod regions;
mod shared_handles;
mod shared_pool;
#[cfg(not(flagstone_tsan))]
mod shrinking;
#[cfg(not(flagstone_tsan))]
mod sizes;
mod slab_cache;
mod static_handles;
#[cfg(feature = "stats")]
mod stats;
#[cfg(not(flagstone_tsan))]
mod suite;
mod thread_local_pool;
mod threads;
#[cfg(not(flagstone_tsan))]
mod touching;
