//! An object that is used again is reset by `&mut`: it cannot be pinned.
use flagstone::{
    OwnedHandle,
    slab::{FnRecycle, RecycleCache, SpinLock},
};

fn main() {
    let cache =
        RecycleCache::<_, _, SpinLock, 4096>::new(FnRecycle::new(|| 1, |_: &mut i32| ())).unwrap();
    OwnedHandle::into_pin(cache.acquire().unwrap());
}
