//! Adapters of other arenas: each driven the way its own documentation drives it.

mod aegis_memory;
mod blink_alloc;
mod boxes;
mod bump_scope;
mod bumpalo;
mod typed_arena;

pub(super) use aegis_memory::AegisArena;
pub(super) use blink_alloc::{Blinking, SyncBlinking};
pub(super) use boxes::{SystemBoxes, SystemVec};
pub(super) use bump_scope::{ScopeDown, ScopeDown8, ScopeUp, ScopeUp8};
pub(super) use bumpalo::{Bumpalo, BumpaloHerd};
pub(super) use typed_arena::{TypedNumbers, TypedTexts};
