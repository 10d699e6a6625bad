//! Rounding to powers of two.

/// The smallest multiple of `align` that is not below `n`; `None` when it does not fit a `usize` or
/// `align` is no power of two.
///
/// ```
/// use flagstone::layout::align_up;
///
/// assert_eq!(align_up(13, 8), Some(16));
/// assert_eq!(align_up(usize::MAX, 8), None);
/// assert_eq!(align_up(13, 3), None);
/// ```
#[must_use]
pub const fn align_up(n: usize, align: usize) -> Option<usize> {
    if !align.is_power_of_two() {
        return None;
    }
    match n.checked_add(align - 1) {
        Some(n) => Some(n & !(align - 1)),
        None => None,
    }
}

/// The largest multiple of `align` that is not above `n`; `None` when `align` is no power of two.
///
/// ```
/// assert_eq!(flagstone::layout::align_down(13, 8), Some(8));
/// ```
#[must_use]
pub const fn align_down(n: usize, align: usize) -> Option<usize> {
    if !align.is_power_of_two() {
        return None;
    }
    Some(n & !(align - 1))
}
