//! A handle to a slot of `&'static str` is not one to a slot of `&'short str`: with that, the shorter
//! could be written to the slot, and the pool, its hooks and the next user would read it as the longer.
use flagstone::{
    OwnedHandle, VacantHandle,
    pool::{FixedHome, GrowingHome, LockedHome, Recycle, RecycleHome},
};

struct Texts;

impl Recycle<&'static str> for Texts {
    fn create(&self) -> &'static str {
        ""
    }
}

type Fixed<'p, 's> = OwnedHandle<'p, &'s str, FixedHome<'p, &'static str>>;
type Growing<'p, 's> = OwnedHandle<'p, &'s str, GrowingHome<'p, &'static str>>;
type Locked<'p, 's> = OwnedHandle<'p, &'s str, LockedHome<'p, &'static str>>;
type Recycled<'p, 's> = OwnedHandle<'p, &'s str, RecycleHome<'p, &'static str, Texts>>;
type Vacant<'p, 's> = VacantHandle<'p, &'s str, FixedHome<'p, &'static str>>;

fn fixed<'p, 's>(handle: Fixed<'p, 'static>, _: &'s str) -> Fixed<'p, 's> {
    handle
}

fn growing<'p, 's>(handle: Growing<'p, 'static>, _: &'s str) -> Growing<'p, 's> {
    handle
}

fn locked<'p, 's>(handle: Locked<'p, 'static>, _: &'s str) -> Locked<'p, 's> {
    handle
}

fn recycled<'p, 's>(handle: Recycled<'p, 'static>, _: &'s str) -> Recycled<'p, 's> {
    handle
}

fn vacant<'p, 's>(handle: Vacant<'p, 'static>, _: &'s str) -> Vacant<'p, 's> {
    handle
}

fn main() {}
