//! Promise: the call site of every event is read back, whatever was written before it, and a trace
//! that is cut off or damaged explains all the events that it still gives.

use crate::traces::{header, sample};
use flagstone_trace::{
    Ending, Event, EventKind, Header, Location, Module, Reader, Sampling, StackId, StopReason,
    Summary, Writer,
};

/// An event and the return addresses of its call.
type Placed = (Event, Vec<u64>);

pub(crate) fn sampled_header() -> Header {
    Header {
        sampling: Sampling::every(4096),
        stack_depth: 8,
        ..header()
    }
}

/// The call of the `index`th event: one of a few hundred.
fn addresses(index: usize) -> Vec<u64> {
    let depth = index % 6;
    let address = |level: usize| 0x5000 + (index * (level + 3) % 40) as u64 * 16;
    (0..depth).map(address).collect()
}

pub(crate) fn write_with_sites(len: usize) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), sampled_header()).unwrap();
    let module = |start| Module {
        start,
        end: start + 0x1000,
        bias: start,
        path: format!("/lib/number-{start:x}.so"),
    };
    writer.module(&module(0x5000));
    for (index, event) in sample(len).iter().enumerate() {
        let outermost_first = addresses(index).into_iter().rev();
        let stack = outermost_first.fold(StackId::UNKNOWN, |caller, a| writer.stack(caller, a));
        if index == len / 2 {
            writer.module(&module(0x9000));
            let location = Location {
                function: "naïve".into(),
                file: "a.c".into(),
                line: 7,
            };
            writer.name(0x5010, &[location.clone(), location]).unwrap();
        }
        writer.push_at(event, stack).unwrap();
    }
    let summary = Summary {
        stopped: Some(StopReason::Limit),
        ending: Ending::Signal(9),
        ..Summary::default()
    };
    writer.finish(summary).unwrap()
}

/// What the events are and where they happened, up to the end or the first error.
pub(crate) fn read_with_sites(bytes: &[u8]) -> Vec<Placed> {
    let mut placed = Vec::new();
    let Ok(mut reader) = Reader::new(bytes) else {
        return placed;
    };
    let mut block = Vec::new();
    while reader.next_block(&mut block).unwrap_or(false) {
        for (index, event) in block.iter().enumerate() {
            let frames = reader.sites().frames(reader.stack(index)).collect();
            placed.push((*event, frames));
        }
    }
    placed
}

fn expected(len: usize) -> Vec<Placed> {
    let place = |(index, event): (usize, Event)| match event.kind {
        EventKind::Free { .. } => (event, Vec::new()),
        _ => (event, addresses(index)),
    };
    sample(len).into_iter().enumerate().map(place).collect()
}

#[test]
fn every_call_site_is_read_back() {
    for len in [0, 1, 500, 150_000] {
        assert_eq!(read_with_sites(&write_with_sites(len)), expected(len));
    }
}

#[test]
fn a_trace_that_is_cut_off_explains_what_it_gives() {
    let (bytes, expected) = (write_with_sites(150_000), expected(150_000));
    for cut in [100, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
        let read = read_with_sites(&bytes[..cut]);
        assert_eq!(read, expected[..read.len()]);
    }
}

#[test]
fn a_flipped_bit_makes_no_other_call_sites() {
    let (bytes, expected) = (write_with_sites(60), expected(60));
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let read = read_with_sites(&flipped);
        assert!(read.is_empty() || read == expected, "bit {bit}");
    }
}

#[test]
fn modules_and_names_are_found_by_address() {
    let bytes = write_with_sites(500);
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    assert_eq!(reader.events().count(), 500);
    let sites = reader.sites();
    let path = |address| sites.module_of(address).map(|module| module.path.as_str());
    assert_eq!(path(0x4fff), None);
    assert_eq!(path(0x5000), Some("/lib/number-5000.so"));
    assert_eq!(path(0x9fff), Some("/lib/number-9000.so"));
    assert_eq!(path(0xa000), None);
    assert_eq!(sites.locations(0x5010).len(), 2);
    assert_eq!(sites.locations(0x5010)[0].function, "naïve");
    assert!(sites.locations(0x5020).is_empty());
}

#[test]
fn a_stack_of_another_writer_is_refused() {
    let mut writer = Writer::new(Vec::new(), header()).unwrap();
    let event = sample(1)[0];
    assert!(writer.push_at(&event, StackId(1)).is_err());
    assert!(writer.push_at(&event, StackId::UNKNOWN).is_ok());
}

#[test]
fn texts_longer_than_the_format_holds_are_cut() {
    let mut writer = Writer::new(Vec::new(), header()).unwrap();
    let location = Location {
        function: "ü".repeat(1 << 20),
        ..Location::default()
    };
    for address in 0..200 {
        writer.name(address, &vec![location.clone(); 40]).unwrap();
    }
    let bytes = writer.finish(Summary::default()).unwrap();
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    assert_eq!(reader.events().count(), 0);
    assert!(reader.summary().is_some());
    assert!(reader.sites().locations(0)[0].function.starts_with("üü"));
}
