//! Memory that is freed all at once.
//!
//! | arena | for | an allocation costs | freed |
//! |---|---|---|---|
//! | [`Arena`] | one thread at a time | six instructions | by `reset`, or with the arena |
//! | [`ArenaScope`] | a part of an arena's life | the same | when it is closed |
//! | [`SyncArena`] | many threads | a compare-and-swap | by `reset`, or with the arena |
//! | [`LocalArena`] | one thread, in a `SyncArena` | six instructions | with the `SyncArena` |
//! | [`LockArena`] | many threads, little memory | a lock | by `reset`, or with the arena |
//!
//! All have the same doors. Each comes twice: `alloc` and its kin panic when there is no memory, and
//! `try_alloc` and its kin return an [`AllocError`](crate::AllocError). What they do with a value
//! that has a destructor is in their names:
//!
//! | door | the value is dropped |
//! |---|---|
//! | `alloc`, `alloc_with`, `alloc_slice_*` | never: a type that needs it does not compile |
//! | `alloc_drop` | when the arena is reset, or dropped |
//! | `alloc_auto` | the same if it needs it: for generic code |
//! | `alloc_boxed`, `alloc_boxed_slice` | with its [`ArenaBox`] |
//! | `alloc_leak` | never |

#[cfg(feature = "allocator-api2-02")]
mod allocator_api2_02;
#[cfg(feature = "allocator-api2-04")]
mod allocator_api2_04;
mod block;
mod boxed;
mod builder;
mod checkpoint;
mod doors;
mod local;
mod lock_arena;
mod place;
mod refusal;
mod scope;
mod single;
mod sync_arena;
mod usage;
mod walk;

pub use boxed::ArenaBox;
pub use checkpoint::Checkpoint;
pub use local::LocalArena;
pub use lock_arena::LockArena;
pub use scope::ArenaScope;
pub use single::Arena;
pub use sync_arena::SyncArena;
pub use usage::ArenaUsage;
pub use walk::{ChunksOf, UsedBytes};
