//! Adapters: each rival driven the way its own documentation drives it.
//!
//! Not here: `nexus-slab`, whose handles do not free on drop and whose constructor is unsafe.

mod attachable;
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
mod threaded;
mod unnamed;

pub(crate) use attachable::{AttachableNoLock, AttachableSpinLock};
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
pub(crate) use threaded::{
    BoxQueue, Boxes, FastallocShared, InfinityShared, LinearShared, LockedPlurality, MiBoxes,
    ObjectPoolShared, OpoolShared, ParkingLotLockedSlab, Sharded, StdLockedSlab,
};
