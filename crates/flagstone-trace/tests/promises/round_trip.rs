//! Promise: every sequence of events that keeps the rules is read back as it was written.

use crate::traces::{Wish, events_of, header, read, sample, written};
use flagstone_trace::{LiveStats, Reader, Validator};
use proptest::prelude::*;

fn wish() -> impl Strategy<Value = Wish> {
    let size = prop_oneof![0..1000u64, any::<u64>().prop_map(|size| size >> 2)];
    let passed = prop_oneof![-50..1000i64, any::<i64>()];
    (any::<u8>(), 0..6u32, passed, size, 0..62u32, any::<usize>()).prop_map(
        |(what, thread, passed_ns, size, align_exponent, pick)| Wish {
            what,
            thread,
            passed_ns,
            size,
            align_exponent,
            pick,
        },
    )
}

proptest! {
    #[test]
    fn events_survive(wishes in prop::collection::vec(wish(), 0..400)) {
        let events = events_of(&wishes);
        let (back, error) = read(&written(&events));
        prop_assert!(error.is_none(), "{error:?}");
        prop_assert_eq!(&back, &events);
        let mut validator = Validator::default();
        for event in &back {
            prop_assert!(validator.check(event).is_ok());
        }
    }
}

#[test]
fn many_blocks_survive_and_the_summary_agrees() {
    let events = sample(200_000);
    let bytes = written(&events);
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    assert_eq!(reader.header(), &header());
    assert!(reader.summary().is_none());
    let (mut back, mut block, mut blocks) = (Vec::new(), Vec::new(), 0);
    while reader.next_block(&mut block).unwrap() {
        assert!((1..=65_536).contains(&block.len()));
        blocks += 1;
        back.extend_from_slice(&block);
    }
    assert_eq!(blocks, 4);
    assert_eq!(back, events);
    let mut stats = LiveStats::default();
    back.iter().for_each(|event| stats.push(event).unwrap());
    assert_eq!(reader.summary(), Some(&stats.summary()));
    assert!(!reader.next_block(&mut block).unwrap());
}

#[test]
fn opening_a_file_fills_in_the_counts() {
    let events = sample(1000);
    let bytes = written(&events);
    let path = std::env::temp_dir().join(format!("flagstone-trace-{}.trace", std::process::id()));
    std::fs::write(&path, &bytes).unwrap();
    let whole = Reader::open(&path).unwrap().header().clone();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let cut = Reader::open(&path).unwrap().header().clone();
    std::fs::remove_file(&path).unwrap();
    assert_eq!((whole.events, whole.complete), (1000, true));
    assert_eq!((whole.threads, whole.program.as_str()), (5, "demo"));
    assert_eq!(cut, header());
}
