//! A raw region gives out disjoint, aligned buffers; its checks answer `None` for what is not there.
#![expect(unsafe_code, reason = "writes to the region")]

use flagstone::{pool::RawBuffers, provider::Global};
use flagstone_testkit::provider::{Counting, FailNth};

/// Every element has a place of its own, buffer after buffer without gaps.
#[test]
fn elements_lie_one_after_the_other() {
    let region = RawBuffers::<u32>::new(5, 7);
    assert_eq!(
        (region.elements(), region.count(), region.stride()),
        (5, 7, 20)
    );
    let first = region.element(0, 0).expect("there").addr().get();
    for buffer in 0..7 {
        for element in 0..5 {
            let place = region.element(buffer, element).expect("there");
            assert_eq!(place.addr().get(), first + (buffer * 5 + element) * 4);
            // SAFETY: both numbers are in range.
            assert_eq!(unsafe { region.element_unchecked(buffer, element) }, place);
            // SAFETY: within the region, which is ours.
            unsafe { place.write((buffer * 5 + element) as u32) };
        }
        let whole = region.buffer(buffer).expect("there");
        assert_eq!(whole.len(), 5);
        // SAFETY: in range.
        assert_eq!(unsafe { region.buffer_unchecked(buffer) }, whole);
        let start = whole.cast::<u32>();
        assert_eq!(region.index_of(start), Some(buffer));
        // SAFETY: a buffer begins there.
        assert_eq!(unsafe { region.index_of_unchecked(start) }, buffer);
    }
    for buffer in 0..7 {
        let place = region.element(buffer, 4).expect("there");
        // SAFETY: written above.
        assert_eq!(unsafe { place.read() }, buffer as u32 * 5 + 4);
    }
}

/// Numbers and addresses that are not there.
#[test]
fn what_is_not_there_is_none() {
    let mut region = RawBuffers::<u64>::new(3, 4);
    for (buffer, element) in [(4, 0), (usize::MAX, 0), (0, 3), (0, usize::MAX), (4, 3)] {
        assert_eq!(region.element(buffer, element), None);
    }
    assert!(region.buffer(4).is_none() && region.buffer_mut(usize::MAX).is_none());
    let inside = region.element(1, 1).expect("there");
    assert_eq!(region.index_of(inside), None, "no buffer begins there");
    let other = RawBuffers::<u64>::new(3, 4);
    assert_eq!(region.index_of(other.element(0, 0).expect("there")), None);
    let buffer = region.buffer_mut(3).expect("there");
    buffer.iter_mut().for_each(|element| {
        element.write(9);
    });
    // SAFETY: written above.
    assert_eq!(unsafe { region.element(3, 2).expect("there").read() }, 9);
}

/// Nothing, elements without bytes, much alignment; what does not fit is refused by name; the chunk
/// goes back.
#[test]
fn every_shape_has_an_answer() {
    #[repr(align(256))]
    struct Aligned(#[expect(dead_code, reason = "gives it a size")] u8);

    let ledger = Counting::<Global>::default();
    let none = RawBuffers::<u8, _>::try_new_in(3, 0, &ledger).expect("nothing to ask for");
    assert_eq!((none.buffer(0), none.count(), ledger.live()), (None, 0, 0));
    let short = RawBuffers::<u8, _>::try_new_in(0, 3, &ledger).expect("memory");
    assert_eq!(short.buffer(2).expect("there").len(), 0);
    assert!(short.buffer(1) != short.buffer(2) && short.element(0, 0).is_none());
    let units = RawBuffers::<(), _>::try_new_in(usize::MAX, 3, &ledger).expect("memory");
    assert!(units.element(2, usize::MAX - 1).is_some());
    let aligned = RawBuffers::<Aligned, _>::try_new_in(3, 3, &ledger).expect("memory");
    let place = aligned.element(2, 1).expect("there");
    assert_eq!(place.addr().get() % 256, 0);
    assert_eq!(ledger.live(), 3);
    drop((none, short, units, aligned));
    assert_eq!(ledger.live(), 0);

    let wide = RawBuffers::<u64, _>::try_new_in(usize::MAX / 8, 1, Global);
    assert_eq!(
        wide.expect_err("too many elements").knob(),
        Some("elements")
    );
    let many = RawBuffers::<u64, _>::try_new_in(8, usize::MAX / 64, Global);
    assert_eq!(many.expect_err("too many buffers").knob(), Some("count"));
    let refused = RawBuffers::<u64, _>::try_new_in(8, 8, FailNth::only(1));
    assert!(refused.expect_err("no memory").out_of_memory().is_some());
}
