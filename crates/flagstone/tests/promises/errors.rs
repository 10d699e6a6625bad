//! Errors hold the value, say what was asked, and look at nothing of the value's.

use std::error::Error;

use flagstone::{AllocErrorKind, FixedPool, GrowingPool};
use flagstone_testkit::provider::FailNth;

/// Has no `Debug` and no `Display`.
struct Silent(u32);

#[test]
fn exhaustion_names_the_capacity_and_holds_the_value() {
    let pool = FixedPool::<Silent>::new(3);
    let _full: Vec<_> = (0..3).map(|n| pool.alloc(Silent(n)).ok()).collect();
    let error = pool.alloc(Silent(77)).err().expect("the pool is full");
    assert_eq!(error.kind(), AllocErrorKind::Exhausted);
    assert!(error.to_string().contains('3'));
    assert!(format!("{error:?}").contains("Exhausted"));
    assert_eq!(error.into_inner().0, 77);
}

#[test]
fn out_of_memory_names_the_bytes_and_holds_the_value() {
    // One chunk for the pool itself, none for slabs.
    let pool = GrowingPool::<Silent, _, _>::new_in(0, FailNth::after(1));
    let error = pool.alloc(Silent(77)).err().expect("there is no memory");
    assert_eq!(error.kind(), AllocErrorKind::OutOfMemory);
    assert!(error.to_string().contains("65536"));
    assert_eq!(error.map(|value| value.0 + 1).into_inner(), 78);
}

#[test]
fn a_config_error_leads_to_the_providers() {
    let error = GrowingPool::<u64, _, _>::try_new_in(1, FailNth::after(1));
    let error = error.expect_err("there is no memory");
    assert_eq!(error.knob(), None);
    let refused = error.out_of_memory().expect("memory was the problem");
    assert_eq!(refused.layout().size(), 65536);
    assert!(!refused.is_wrong_answer());
    assert!(
        error
            .source()
            .is_some_and(|source| source.is::<flagstone::OutOfMemory>())
    );
}
