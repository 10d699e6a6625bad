//! Bytes that differ wherever one looks.

/// A prime, so that it does not end where chunks do.
const PERIOD: usize = 65_521;

/// An endless run of bytes, the same for the same number.
pub(crate) struct Pattern {
    bytes: Vec<u8>,
    at: usize,
}

impl Pattern {
    pub(crate) fn new(number: usize) -> Self {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(number as u64 + 1);
        let bytes = (0..PERIOD).map(|_| {
            // Marsaglia, "Xorshift RNGs", 2003.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        });
        Self {
            bytes: bytes.collect(),
            at: 0,
        }
    }

    /// The next bytes: at least one, at most `most`.
    pub(crate) fn next(&mut self, most: usize) -> &[u8] {
        let start = self.at;
        let end = PERIOD.min(start + most);
        self.at = end % PERIOD;
        &self.bytes[start..end]
    }

    /// Whether `bytes` are the next ones.
    pub(crate) fn goes_on_with(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let expected = self.next(bytes.len());
            let (here, rest) = bytes.split_at(expected.len());
            if here != expected {
                return false;
            }
            bytes = rest;
        }
        true
    }
}
