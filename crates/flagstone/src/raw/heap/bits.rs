//! Sets of up to 64 things in a row, one bit each.

/// The bits of `count` things from `first` on.
pub(super) const fn mask(first: usize, count: usize) -> u64 {
    (u64::MAX >> (64 - count)) << first
}

/// The bits with which a run of `count` set bits begins.
pub(super) const fn starts(mut bits: u64, count: usize) -> u64 {
    let mut have = 1;
    while have < count {
        let more = if have < count - have {
            have
        } else {
            count - have
        };
        bits &= bits >> more;
        have += more;
    }
    bits
}

/// How many bits the longest run has, rounded down to a power of two, as its exponent plus 1; 0 for none.
pub(super) const fn longest(mut bits: u64) -> u8 {
    let mut exponent = 0;
    while bits != 0 {
        bits &= bits >> (1 << exponent);
        exponent += 1;
    }
    exponent
}

/// The runs of set bits: first and number.
pub(super) fn runs(mut bits: u64) -> impl Iterator<Item = (usize, usize)> {
    core::iter::from_fn(move || {
        if bits == 0 {
            return None;
        }
        let first = bits.trailing_zeros() as usize;
        let count = (bits >> first).trailing_ones() as usize;
        bits &= !mask(first, count);
        Some((first, count))
    })
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_and_measured() {
        assert_eq!(starts(0b0111_0110, 1), 0b0111_0110);
        assert_eq!(starts(0b0111_0110, 2), 0b0011_0010);
        assert_eq!(starts(0b0111_0110, 3), 0b0001_0000);
        assert_eq!(starts(0b0111_0110, 4), 0);
        assert_eq!(starts(u64::MAX, 63), 0b11);
        for (bits, expected) in [
            (0, 0),
            (1, 1),
            (0b101, 1),
            (0b110, 2),
            (0b111, 2),
            (0xf0, 3),
            (!1, 6),
        ] {
            assert_eq!(longest(bits), expected, "{bits:b}");
        }
        let found: alloc::vec::Vec<_> = runs(0b0111_0110 | 1 << 63).collect();
        assert_eq!(found, [(1, 2), (4, 3), (63, 1)]);
    }
}
