//! A file's bytes, decompressed as its beginning says.

use std::io::{self, BufRead, BufReader};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The decompressed text of `from`.
pub(super) fn decompressed<'a>(mut from: impl BufRead + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    // Beginnings are told by what a reader gives at once; a few bytes are never less than that.
    let start = from.fill_buf()?;
    if start.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::new(MultiGzDecoder::new(from))));
    }
    if start.starts_with(&ZSTD) {
        let decoder = StreamingDecoder::new(from)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        return Ok(Box::new(BufReader::new(decoder)));
    }
    Ok(Box::new(from))
}
