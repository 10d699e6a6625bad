//! Rounding sizes of every kind to few sizes.

/// More steps than that are no rounding.
const MOST_STEPS: usize = 1024;

/// Size classes: multiples of `min` up to `min * steps`, then `steps` classes for every doubling.
///
/// With four steps no request above the first classes wastes more than a fifth of its class
/// (R. Evans and the jemalloc authors use the same spacing; see "A scalable concurrent malloc(3)
/// implementation for FreeBSD", 2006).
///
/// ```
/// use flagstone::layout::SizeClasses;
///
/// const CLASSES: SizeClasses = SizeClasses::new(16, 4).unwrap();
/// assert_eq!(CLASSES.size_of(CLASSES.class_of(65)), Some(80));
/// assert_eq!(CLASSES.class_of(0), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeClasses {
    min_shift: u32,
    step_shift: u32,
}

impl SizeClasses {
    /// Classes of at least `min` bytes with `steps` classes per doubling. `None` unless both are
    /// powers of two (1 and 1 included), `steps` is at most 1024 and `min * steps` fits a `usize`.
    #[must_use]
    pub const fn new(min: usize, steps: usize) -> Option<Self> {
        if !min.is_power_of_two() || !steps.is_power_of_two() || steps > MOST_STEPS {
            return None;
        }
        if min.checked_mul(steps).is_none() {
            return None;
        }
        Some(Self {
            min_shift: min.trailing_zeros(),
            step_shift: steps.trailing_zeros(),
        })
    }

    /// The number of the smallest class that holds `size` bytes. Numbers are dense from 0; a size of
    /// 0 is in class 0.
    #[must_use]
    pub const fn class_of(&self, size: usize) -> usize {
        // In units of `min`, counted from 0: unit u holds sizes (u * min, (u + 1) * min].
        let unit = size.saturating_sub(1) >> self.min_shift;
        let steps = 1_usize << self.step_shift;
        if unit < steps {
            return unit;
        }
        // `unit` has its top bit at `top`; the `step_shift` bits below it choose the step.
        let top = usize::BITS - 1 - unit.leading_zeros();
        let doubling = (top - self.step_shift) as usize;
        let step = (unit >> doubling) & (steps - 1);
        ((doubling + 1) << self.step_shift) + step
    }

    /// Bytes of class number `class`; `None` when no `usize` holds them.
    #[must_use]
    pub const fn size_of(&self, class: usize) -> Option<usize> {
        let steps = 1_usize << self.step_shift;
        let (units, doubling) = if class < steps {
            (class + 1, 0)
        } else {
            (
                steps + (class & (steps - 1)) + 1,
                (class >> self.step_shift) - 1,
            )
        };
        let shift = doubling.saturating_add(self.min_shift as usize);
        if shift > units.leading_zeros() as usize {
            return None;
        }
        Some(units << shift)
    }
}
