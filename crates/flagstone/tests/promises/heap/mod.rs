//! What the heap promises, a file each.
//!
//! | file | promise |
//! |---|---|
//! | `model` | in whatever order it is asked: blocks are aligned, apart, zeroed if asked for, and keep their contents |
//! | `extremes` | absurd sizes and alignments are refused, and change nothing |
//! | `classes` | at most an eighth of a block is wasted; what is usable is the owner's, and stays |
//! | `resizing` | blocks change their size in place where there is room, seldom move while they grow, and take their contents along |
//! | `doors` | the allocator API, zero sizes included; every value is a door to the same heap |
//! | `threads` | blocks are passed on, left behind and freed for others; their memory is used again |
//! | `thread_ends` | destructors that run when a thread ends use the heap, before it has seen that end and after |
//! | `given_back` | memory goes back to the system; what is resident follows what is live |
//! | `guarded` | what lies around a block and what was freed cannot be touched if the options say so, and who does is told |
//! | `forks` | a forked process goes on with its heap, whatever other threads were doing |
//! | `limits` | no memory is null, never an abort; what is freed is there again |
//! | `options` | each option does what it says, and statistics are right |
//! | `census` | what a heap says of itself adds up, class by class, and is said without a heap |
//! | `walk` | a walk shows each block once, and none that is free, whatever its visitor and others do meanwhile |
//! | `pages` | pages of any size serve, and a call that a provider refuses costs the answer only |
//! | `own` | heaps of one's own go with all that is in them; strict ones see what is no block, or no more |
//! | `misuse` | what is freed twice ends no thread in an endless list |
//!
//! The heap as the global allocator is a program of its own: `tests/as_global`.
//!
//! # What went wrong in other allocators
//!
//! | hazard | here |
//! |---|---|
//! | memory of an ended thread is used after it was adopted | `threads`: `blocks_outlive_their_thread`, `blocks_wander`, `what_*_is_used_again`, under `tsan`, too; `forks` |
//! | frees by threads that never allocated, frees and allocations after a thread's end, thread numbers that come again | `threads`: `a_thread_that_never_allocated_frees`, `thousands_of_short_threads_*`; `thread_ends` |
//! | a double free by another thread makes a list circular | `misuse` |
//! | a thread ends while others free its blocks; a process ends while threads allocate | `threads`: `threads_exchange_blocks_while_they_end`; `as_global`: `ends` |
//! | a heap that can be destroyed adopts memory of others | cannot be tested: this heap stays as long as its process |
//! | a hook or handler allocates inside the heap | no hooks; that the heap registers with its thread's end through itself: `as_global` |
//! | what other threads read is not atomic | `threads`, `thread_ends` under `tsan` |
//! | memory that cannot be had late; purged and unpurged memory mixed up; a limit on addresses | `limits`; `given_back`: `zeros_are_zeros_in_memory_that_was_used`. Pages of 16 KiB and more: `pages`, of a provider that says so. Forbidden overcommitment needs another machine |
//! | growing a large block copies what was reserved and not used | `given_back`: `pages_that_nobody_touched_are_not_copied` |
//! | one block holds a slab; idle threads, bounded queues and pure freers hold memory | `given_back`: `one_block_*`, `threads_that_wait_*`; `threads`: `a_bounded_queue_*`, `sixteen_producers_*` |
//! | sizes that wrap, zero sizes, alignments up to a gibibyte, other alignment when a block grows | `extremes`, `doors`, `resizing`, `model` |
//! | a fork of several threads; a signal handler that frees | `forks`. Handlers must not use the heap, so no test does it |
//! | two copies in one process | no shared library has one yet |
//! | first slots, or descriptors, of many classes fall into one set of the cache | a matter of time, so of the benchmarks |
//! | blocks of two threads share a cache line | `threads`: `threads_that_begin_at_once_have_blocks_apart`; the lines of a descriptor are asserted where it is defined |
//! | assembly in unwinding builds | there is none |
#![expect(unsafe_code, reason = "allocates and frees by hand")]

mod block;
mod census;
mod classes;
mod doors;
mod extremes;
mod forks;
mod given_back;
#[cfg(all(target_os = "linux", not(flagstone_tsan)))]
mod guarded;
mod limits;
mod memory;
mod misuse;
mod model;
mod options;
mod own;
mod pages;
mod process;
mod resizing;
mod thread_ends;
mod threads;
mod walk;
