//! Promise: damage is an error or harmless; it is never a panic, a hang or other events.

use crate::traces::{read, sample, written};
use flagstone_trace::{FORMAT_VERSION, Reader};

#[test]
fn a_cut_at_every_byte_is_an_error_after_whole_blocks() {
    let events = sample(66_000);
    let bytes = written(&events);
    let step = 97;
    let cuts =
        (1..bytes.len()).filter(|cut| cut % step == 0 || *cut < 300 || *cut + 300 > bytes.len());
    for cut in cuts {
        let (partial, error) = read(&bytes[..cut]);
        let error = error.expect("a cut trace is an error");
        assert!(error.is_truncated(), "cut at {cut}: {error}");
        assert!([0, 65_536, 66_000].contains(&partial.len()));
        assert_eq!(partial, events[..partial.len()]);
    }
}

#[test]
fn a_cut_at_every_single_byte_of_a_small_trace_is_truncated() {
    let bytes = written(&sample(50));
    for cut in 1..bytes.len() {
        assert!(
            read(&bytes[..cut])
                .1
                .is_some_and(|error| error.is_truncated()),
            "cut at {cut}"
        );
    }
}

#[test]
fn every_flipped_bit_is_an_error() {
    let bytes = written(&sample(200));
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (events, error) = read(&flipped);
        assert!(error.is_some(), "bit {bit} went unnoticed");
        assert!(events.is_empty() || events == sample(200));
    }
}

#[test]
fn bytes_beyond_the_end_are_an_error() {
    let mut bytes = written(&sample(10));
    bytes.push(0);
    assert!(read(&bytes).1.is_some_and(|error| error.is_corrupted()));
}

#[test]
fn the_error_says_where() {
    let mut bytes = written(&sample(70_000));
    let last = bytes.len() - 200;
    bytes[last] ^= 1;
    let (events, error) = read(&bytes);
    let error = error.unwrap();
    assert_eq!((events.len(), error.block()), (65_536, Some(1)));
    let offset = error.offset().unwrap();
    assert!(offset < last as u64);
    assert!(error.to_string().contains(&offset.to_string()));
}

#[test]
fn an_empty_file_is_called_empty() {
    assert!(Reader::new([].as_slice()).is_err_and(|error| error.is_empty_file()));
}

#[test]
fn another_file_is_called_no_trace() {
    for other in [
        &b"x"[..],
        b"\x7fELF\x02\x01\x01",
        b"a text that is longer than the magic",
    ] {
        assert!(Reader::new(other).is_err_and(|error| error.is_not_a_trace()));
    }
}

#[test]
fn a_newer_version_is_named() {
    let mut bytes = written(&sample(10));
    bytes[8..10].copy_from_slice(&7u16.to_le_bytes());
    let error = Reader::new(bytes.as_slice()).unwrap_err();
    assert_eq!(error.newer_version_found(), Some(7));
    let sentence = error.to_string();
    assert!(sentence.contains('7') && sentence.contains(&FORMAT_VERSION.to_string()));
}

#[test]
fn a_missing_file_is_an_io_error() {
    let error = Reader::open("/nonexistent/trace").unwrap_err();
    assert_eq!(
        error.io_error().map(std::io::Error::kind),
        Some(std::io::ErrorKind::NotFound)
    );
}
