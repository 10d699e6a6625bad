//! Sizes, strides and classes obey their laws, for every small number and around the large ones.

use std::alloc::Layout;

use flagstone::layout::{
    SizeClasses, SlabLayout, SlotLayout, align_down, align_up, clamp_growth, exponential_growth,
};

/// Every number below 2^16, in steps where that takes an interpreter too long.
fn small() -> impl Iterator<Item = usize> {
    (0..=usize::from(u16::MAX)).step_by(if cfg!(miri) { 997 } else { 1 })
}

/// Numbers around every power of two.
fn edges() -> impl Iterator<Item = usize> {
    (0..usize::BITS)
        .flat_map(|bit| {
            let power = 1_usize << bit;
            [power - 1, power, power + 1]
        })
        .chain([usize::MAX - 1, usize::MAX])
}

#[test]
fn rounding_is_exact() {
    for n in small().chain(edges()) {
        for shift in [0, 1, 3, 4, 12, 16, usize::BITS - 1] {
            let align = 1_usize << shift;
            let wide = (n as u128).next_multiple_of(align as u128);
            assert_eq!(align_up(n, align), usize::try_from(wide).ok());
            assert_eq!(align_down(n, align), Some(n / align * align));
        }
        for align in [0, 3, 6, usize::MAX] {
            assert_eq!((align_up(n, align), align_down(n, align)), (None, None));
        }
    }
}

#[test]
fn a_slot_holds_its_value_and_a_link() {
    for size in small() {
        for align in [1, 2, 8, 64, 4096] {
            let Ok(value) = Layout::from_size_align(size, align) else {
                continue;
            };
            for knob in [1, 16, 4096] {
                let linked = SlotLayout::linked(value, knob).expect("small");
                let plain = SlotLayout::plain(value, knob).expect("small");
                for (slot, least) in [(linked, size.max(8)), (plain, size.max(1))] {
                    assert_eq!(slot.align(), align.max(knob));
                    assert_eq!(slot.stride(), least.next_multiple_of(slot.align()));
                }
            }
        }
    }
}

#[test]
fn a_slot_past_the_address_space_is_none() {
    let most = isize::MAX as usize;
    let bytes = Layout::from_size_align(most, 1).expect("a layout");
    assert_eq!(
        SlotLayout::linked(bytes, 1).map(|slot| slot.stride()),
        Some(most)
    );
    assert_eq!(SlotLayout::linked(bytes, 2), None);
    for layout in [bytes, Layout::new::<u64>()] {
        for knob in [0, 3, 6] {
            assert_eq!(SlotLayout::plain(layout, knob), None, "no power of two");
            assert_eq!(SlotLayout::linked(layout, knob), None, "no power of two");
        }
    }
}

#[test]
fn a_slab_holds_its_descriptor_in_every_colour_and_as_many_slots_as_fit() {
    let descriptor = Layout::from_size_align(128, 64).expect("a layout");
    for size in small() {
        for least in [1024, 4096, 65536] {
            for align in [1, 8, 64, 4096] {
                let value = Layout::from_size_align(size, 1).expect("a layout");
                let slot = SlotLayout::linked(value, align).expect("small");
                let bytes = SlabLayout::size_for(least, slot).expect("small");
                assert!(bytes.is_power_of_two() && bytes >= least && bytes >= 8 * slot.stride());
                let Some(slab) = SlabLayout::new(bytes, descriptor, slot) else {
                    assert!(align > bytes / 4, "{size} {least} {align}");
                    continue;
                };
                slab_law(slab, slot, descriptor);
            }
        }
    }
}

fn slab_law(slab: SlabLayout, slot: SlotLayout, descriptor: Layout) {
    let slots = slab.slots() as usize;
    let end = slab.first() + slots * slot.stride();
    assert!(slots > 0 && end <= slab.size(), "slots end within the slab");
    assert!(end + slot.stride() > slab.size(), "one more slot would fit");
    assert!(slab.first().is_multiple_of(slot.align()));
    for nth in [0, 1, 2, 15, 16, 17, 31, 1000] {
        let offset = SlabLayout::descriptor_offset(nth * slab.size(), slab.size());
        assert!(offset.is_multiple_of(descriptor.align()));
        assert!(
            offset + descriptor.size() <= slab.first(),
            "it lies before the slots"
        );
    }
}

#[test]
fn a_slab_that_cannot_be_is_none() {
    let descriptor = Layout::from_size_align(128, 64).expect("a layout");
    let slot = SlotLayout::linked(Layout::new::<u64>(), 1).expect("small");
    for size in [0, 1, 64, 128, 1000, usize::MAX, 1 << (usize::BITS - 1)] {
        assert_eq!(SlabLayout::new(size, descriptor, slot), None, "{size}");
    }
    let wide = Layout::from_size_align(128, 128).expect("a layout");
    assert_eq!(
        SlabLayout::new(65536, wide, slot),
        None,
        "a colour is one line"
    );
    let huge = Layout::from_size_align(isize::MAX as usize / 8, 1).expect("a layout");
    let huge = SlotLayout::linked(huge, 1).expect("it fits");
    assert_eq!(
        SlabLayout::size_for(1024, huge).map(usize::is_power_of_two),
        Some(true)
    );
    let huge = Layout::from_size_align(isize::MAX as usize, 1).expect("a layout");
    let huge = SlotLayout::linked(huge, 1).expect("it fits");
    assert_eq!(SlabLayout::size_for(1024, huge), None);
}

/// The bytes of class `class`, by definition.
fn class_size(min: usize, steps: usize, class: usize) -> Option<usize> {
    let (min, steps, class) = (min as u128, steps as u128, class as u128);
    if class < steps {
        return usize::try_from((class + 1) * min).ok();
    }
    let doubling = u32::try_from(class / steps - 1).ok()?;
    let size = (steps + class % steps + 1).checked_mul(min)?;
    if doubling > size.leading_zeros() {
        return None;
    }
    usize::try_from(size.checked_shl(doubling)?).ok()
}

const CLASSES: [(usize, usize); 7] = [
    (1, 1),
    (16, 1),
    (16, 4),
    (8, 8),
    (64, 2),
    (4096, 4),
    (1, 64),
];

#[test]
fn a_class_holds_its_sizes_and_wastes_no_more_than_a_step() {
    for (min, steps) in CLASSES {
        let classes = SizeClasses::new(min, steps).expect("powers of two");
        let mut last = 0;
        for size in small() {
            let class = classes.class_of(size);
            assert!(class == last || class == last + 1, "classes are dense");
            last = class;
            let bytes = classes.size_of(class).expect("small");
            assert_eq!(Some(bytes), class_size(min, steps, class));
            assert!(bytes >= size);
            if class > 0 {
                assert!(
                    classes.size_of(class - 1).is_some_and(|below| below < size),
                    "smallest"
                );
            }
            assert!(
                bytes <= min * steps || (bytes - size) * (steps + 1) < bytes,
                "{size} in {bytes}"
            );
        }
    }
}

#[test]
fn classes_are_right_to_the_last_number() {
    for (min, steps) in CLASSES {
        let classes = SizeClasses::new(min, steps).expect("powers of two");
        for size in edges() {
            let class = classes.class_of(size);
            assert_eq!(
                classes.size_of(class),
                class_size(min, steps, class),
                "{size}: {min}, {steps}"
            );
            if let Some(bytes) = classes.size_of(class) {
                assert!(bytes >= size);
            }
        }
        assert_eq!(classes.size_of(usize::MAX), None);
    }
    for (min, steps) in [
        (16, 2048),
        (1, 1 << (usize::BITS - 1)),
        (0, 4),
        (16, 0),
        (3, 4),
        (16, 3),
        (1 << (usize::BITS - 1), 2),
    ] {
        assert_eq!(SizeClasses::new(min, steps), None);
    }
}

#[test]
fn growth_adds_at_least_one_and_never_passes_its_limit() {
    for current in edges() {
        for wanted in [0, 1, 7, usize::MAX] {
            let added = clamp_growth(current, wanted, None);
            assert!(current.checked_add(added).is_some());
            assert!(added >= 1 || current == usize::MAX);
            for max in [current, current.saturating_add(5), usize::MAX] {
                let added = clamp_growth(current, wanted, Some(max));
                assert!(added <= max - current && (added > 0 || max == current));
                assert!(added <= wanted.max(1));
            }
        }
        for factor in [
            1.0,
            1.5,
            2.0,
            1e300,
            f64::MAX,
            f64::NAN,
            f64::INFINITY,
            -3.0,
        ] {
            assert!(exponential_growth(current, factor) >= 1);
        }
    }
    assert_eq!(
        clamp_growth(10, 5, Some(3)),
        0,
        "a limit below the capacity adds nothing"
    );
}
