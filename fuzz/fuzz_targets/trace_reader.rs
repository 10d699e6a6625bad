//! Promise: no bytes make the reader panic, hang or take memory without bound.
//!
//! Random bytes end at a checksum, so each input is read three times: as a whole file, and as the
//! inside of one block and of one list of call sites, with a right checksum around it. `cargo +nightly fuzz run trace_reader`.
#![no_main]

use std::io::Write;
use std::sync::OnceLock;

use flagstone_trace::{Header, LiveStats, Reader, Writer};
use flate2::{Compression, write::DeflateEncoder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    read(input);
    if let Some((&events, block)) = input.split_first() {
        read(&with_section(b'B', u32::from(events), block));
    }
    read(&with_section(b'S', 0, input));
    if let Some((sites, block)) = input.split_at_checked(input.len() / 2) {
        let mut file = with_section(b'S', 0, sites);
        file.extend(section(b'B', 1, block));
        read(&file);
    }
});

/// Reads to the end or the first error.
fn read(bytes: &[u8]) {
    let Ok(mut reader) = Reader::new(bytes) else {
        return;
    };
    let mut stats = LiveStats::default();
    let mut block = Vec::new();
    loop {
        match reader.next_block(&mut block) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => return,
        }
        for (index, event) in block.iter().enumerate() {
            // Objects may be dead; the answer must only be an answer.
            let _ = stats.push(event);
            for address in reader.sites().frames(reader.stack(index)) {
                let _ = (
                    reader.sites().module_of(address),
                    reader.sites().locations(address),
                );
            }
        }
    }
    assert!(reader.summary().is_some());
}

/// A file whose only section decompresses to `raw` and says that it has `events` events.
fn with_section(tag: u8, events: u32, raw: &[u8]) -> Vec<u8> {
    // A writer that is dropped leaves the magic, the version and the header. It is made once: its
    // compressor is large.
    static START: OnceLock<Vec<u8>> = OnceLock::new();
    let start = START.get_or_init(|| {
        let mut file = Vec::new();
        drop(Writer::new(&mut file, Header::default()).expect("a vector takes everything"));
        file
    });
    let mut file = start.clone();
    file.extend(section(tag, events, raw));
    file
}

fn section(tag: u8, events: u32, raw: &[u8]) -> Vec<u8> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
    deflate.write_all(raw).expect("a vector takes everything");
    let stored = deflate.finish().expect("a vector takes everything");
    let mut head = vec![tag];
    for number in [events, raw.len() as u32, stored.len() as u32] {
        head.extend(number.to_le_bytes());
    }
    let mut sum = crc32fast::Hasher::new();
    sum.update(&head);
    sum.update(&stored);
    head.extend(sum.finalize().to_le_bytes());
    head.extend(stored);
    head
}
