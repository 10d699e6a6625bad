//! Adapters: each rival driven the way its own documentation drives it.
//!
//! Not here: pools that threads share, some of which `threaded.rs` has beside ours, and `nexus-slab`,
//! whose handles do not free on drop and whose constructor is unsafe.

mod axiom_mem;
mod boxes;
mod buffered;
mod exclusive;
mod fastalloc;
mod infinity_pool;
mod keyed;
mod opool;
mod plurality;
mod recycled;

pub(crate) use axiom_mem::{AxiomBits, AxiomPool};
pub(crate) use boxes::{MimallocBox, SystemBox};
pub(crate) use buffered::{AxiomBuffers, Vectors};
pub(crate) use exclusive::Exclusive;
pub(crate) use fastalloc::{FastallocFixed, FastallocGrowing};
pub(crate) use infinity_pool::{InfinityLocal, InfinityRaw};
pub(crate) use keyed::{Slab, SlotMap, Thunderdome};
pub(crate) use opool::OpoolLocal;
pub(crate) use plurality::{PluralityAlloc, PluralityBox};
pub(crate) use recycled::{LinearPool, ObjectPool, OpoolReuse};
