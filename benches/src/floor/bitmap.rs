//! The floor of bitmaps: words of words of bits, as deep as the capacity needs.

#![expect(unsafe_code, reason = "a floor is the mechanism without any check")]

/// Free numbers as set bits, 64 to a word; a bit of a word above says that the word below has one.
///
/// Holds exactly `64^LEVELS` numbers, so that the depth is known to the compiler.
///
/// # Invariants
///
/// 1. Level `l` (0 is the top) has `64^l` words.
/// 2. A bit above the last level is set exactly when its word below is not zero.
pub(crate) struct BitmapFloor<const LEVELS: usize> {
    levels: [Box<[u64]>; LEVELS],
}

impl<const LEVELS: usize> BitmapFloor<LEVELS> {
    /// All numbers free.
    pub(crate) fn new() -> Self {
        Self {
            levels: std::array::from_fn(|level| {
                vec![u64::MAX; 1 << (6 * level)].into_boxed_slice()
            }),
        }
    }

    /// Takes the lowest free number.
    #[inline(always)]
    pub(crate) fn take(&mut self) -> Option<usize> {
        if self.levels[0][0] == 0 {
            return None;
        }
        let mut number = 0;
        for level in &self.levels {
            // SAFETY: `number` has six bits per level passed (invariant 1).
            let word = unsafe { *level.get_unchecked(number) };
            number = (number << 6) | word.trailing_zeros() as usize;
        }
        let mut at = number;
        for level in self.levels.iter_mut().rev() {
            // SAFETY: six bits fewer at each level up.
            let word = unsafe { level.get_unchecked_mut(at >> 6) };
            *word &= !(1 << (at & 63));
            if *word != 0 {
                break;
            }
            at >>= 6;
        }
        Some(number)
    }

    /// Gives a taken number back.
    #[inline(always)]
    pub(crate) fn give(&mut self, number: usize) {
        let mut at = number;
        for level in self.levels.iter_mut().rev() {
            // SAFETY: `number` was taken, so it has six bits per level.
            let word = unsafe { level.get_unchecked_mut(at >> 6) };
            let before = *word;
            *word |= 1 << (at & 63);
            if before != 0 {
                break;
            }
            at >>= 6;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BitmapFloor;

    #[test]
    fn takes_every_number_once_and_the_freed_one_again() {
        let mut bits = BitmapFloor::<2>::new();
        assert!((0..4096).all(|number| bits.take() == Some(number)));
        assert_eq!(bits.take(), None);
        for number in [0, 63, 64, 4095] {
            bits.give(number);
            assert_eq!(bits.take(), Some(number));
        }
        assert_eq!(bits.take(), None);
    }
}
