//! By how much a pool grows.

/// The slots to add so that a pool of `current` slots becomes `factor` times as large: at least
/// one, saturating at `usize::MAX`.
///
/// `factor` is expected to be finite and above 1; anything else adds one slot.
///
/// ```
/// use flagstone::layout::exponential_growth;
///
/// assert_eq!(exponential_growth(100, 1.5), 50);
/// assert_eq!(exponential_growth(0, 2.0), 1);
/// assert_eq!(exponential_growth(usize::MAX, 2.0), usize::MAX);
/// ```
#[must_use]
pub const fn exponential_growth(current: usize, factor: f64) -> usize {
    // A float to integer cast saturates, and makes 0 of what is not a number.
    let added = (current as f64 * (factor - 1.0)) as usize;
    if added == 0 { 1 } else { added }
}

/// The slots that may really be added: `wanted`, at least one, but never past `max`. 0 when
/// `current` has reached `max`.
///
/// ```
/// use flagstone::layout::clamp_growth;
///
/// assert_eq!(clamp_growth(100, 100, Some(150)), 50);
/// assert_eq!(clamp_growth(150, 100, Some(150)), 0);
/// assert_eq!(clamp_growth(100, 0, None), 1);
/// ```
#[must_use]
pub const fn clamp_growth(current: usize, wanted: usize, max: Option<usize>) -> usize {
    let room = match max {
        Some(max) => max.saturating_sub(current),
        None => usize::MAX - current,
    };
    let wanted = if wanted == 0 { 1 } else { wanted };
    if wanted < room { wanted } else { room }
}
