//! Values that are too large for any stack, or any memory, have an answer: an error by size or by the
//! provider, and no copy on the stack where nobody passes one.
//!
//! A broken promise here overflows the stack, which ends the process: so this is a binary of its
//! own.

use flagstone::{BufferPool, ConfigError, FixedPool, GrowingPool, RecyclePool, pool::FnRecycle};

/// Refused by the knob or by the provider.
#[track_caller]
fn refused<T>(result: Result<T, ConfigError>) {
    let error = result.err().expect("there is no such memory");
    assert!(
        error.knob() == Some("capacity") || error.out_of_memory().is_some(),
        "{error}"
    );
}

/// Larger than the stack of a test's thread, small enough for its memory.
#[test]
fn a_value_larger_than_the_stack_can_be_built_in_place() {
    type Large = [u8; 16 << 20];
    let fixed = FixedPool::<Large>::new(1);
    let vacant = fixed.alloc_uninit().expect("a slot is free");
    drop(vacant);
    let growing = GrowingPool::<Large>::new(0);
    drop(growing.alloc_uninit().expect("it grows"));
}

/// Objects and elements too: the pool is made, looked at, cleared and dropped.
#[test]
fn pools_of_large_objects_need_no_room_on_the_stack() {
    type Large = [u8; 16 << 20];
    let recycle = FnRecycle::new(
        || -> Large { unreachable!("nobody acquires") },
        |_: &mut Large| (),
    );
    let mut objects = RecyclePool::new(2, recycle);
    assert_eq!((objects.discard_idle(), objects.available()), (0, 2));
    objects.clear();
    let buffers = BufferPool::<Large>::new(2, 1);
    let mut buffer = buffers.alloc().expect("free");
    assert_eq!(buffer.spare_capacity_mut().len(), 2);
    buffer.truncate(0);
}

#[test]
fn huge_values_are_refused_by_size_or_by_the_provider() {
    type Huge = [u8; 1 << 46];
    refused(FixedPool::<Huge>::try_new(1 << 18));
    refused(FixedPool::<Huge>::try_new(1));
    let none = FixedPool::<Huge>::try_new(0).expect("nothing is asked for");
    assert!(none.alloc_uninit().is_err());
}

#[test]
fn values_that_no_slab_holds_are_refused_by_size() {
    fn refused<T>() {
        let error = GrowingPool::<T>::try_new(0).expect_err("eight of them are no slab");
        assert_eq!(error.knob(), Some("size of a value"));
        assert!(error.to_string().contains(&size_of::<T>().to_string()));
        assert!(error.to_string().contains("268435456"), "{error}");
    }
    refused::<[u8; 1 << 60]>();
    refused::<[u8; 1 << 46]>();
    refused::<[u8; (1 << 28) + 1]>();
    GrowingPool::<[u8; 1 << 28]>::try_new(0).expect("eight of them fit 2 GiB");
}
