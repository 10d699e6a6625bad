//! Promise: no bytes make the reader panic, hang or take memory without bound.
//!
//! Random bytes end at a checksum, so each input is read twice: as a whole file, and as the inside
//! of one block with a right checksum around it. `cargo +nightly fuzz run trace_reader`.
#![no_main]

use std::io::Write;

use flagstone_trace::{Header, LiveStats, Reader, Writer};
use flate2::{Compression, write::DeflateEncoder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    read(input);
    if let Some((&events, block)) = input.split_first() {
        read(&with_block(u32::from(events), block));
    }
});

/// Reads to the end or the first error.
fn read(bytes: &[u8]) {
    let Ok(mut reader) = Reader::new(bytes) else {
        return;
    };
    let mut stats = LiveStats::default();
    for event in reader.events() {
        let Ok(event) = event else { return };
        // Objects may be dead; the answer must only be an answer.
        let _ = stats.push(&event);
    }
    assert!(reader.summary().is_some());
}

/// A file whose only block decompresses to `raw` and says that it has `events` events.
fn with_block(events: u32, raw: &[u8]) -> Vec<u8> {
    // A writer that is dropped leaves the magic, the version and the header.
    let mut file = Vec::new();
    drop(Writer::new(&mut file, Header::default()).expect("a vector takes everything"));
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
    deflate.write_all(raw).expect("a vector takes everything");
    let stored = deflate.finish().expect("a vector takes everything");
    let mut head = vec![b'B'];
    for number in [events, raw.len() as u32, stored.len() as u32] {
        head.extend(number.to_le_bytes());
    }
    let mut sum = crc32fast::Hasher::new();
    sum.update(&head);
    sum.update(&stored);
    file.extend(head);
    file.extend(sum.finalize().to_le_bytes());
    file.extend(stored);
    file
}
