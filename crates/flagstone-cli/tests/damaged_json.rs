//! A stored replay that was damaged is refused, or what is left of it is shown: never a panic.

use flagstone_cli::report::{Diff, Document, page};
use proptest::prelude::*;

const GOLDEN: &str = include_str!("golden/replay-1.json");

/// Everything that reads a document.
fn use_all(text: &str) {
    let Ok(document) = Document::parse(text) else {
        return;
    };
    let golden = Document::parse(GOLDEN).expect("a stored replay");
    for replay in &document.replays {
        assert!(!replay.to_string().is_empty());
    }
    // A page or a sentence.
    drop(page(&document));
    for diff in [Diff::of(&golden, &document), Diff::of(&document, &golden)] {
        assert!(!diff.to_string().is_empty());
    }
}

/// Offsets of all digits: what a change of them leaves is still JSON.
fn digits() -> Vec<usize> {
    let places = GOLDEN.bytes().enumerate();
    places
        .filter(|(_, byte)| byte.is_ascii_digit())
        .map(|(place, _)| place)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn other_numbers_are_shown_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), b'0'..=b'9'), 1..60)) {
        let digits = digits();
        let mut bytes = GOLDEN.as_bytes().to_vec();
        for (place, digit) in changes {
            bytes[*place.get(&digits)] = digit;
        }
        use_all(std::str::from_utf8(&bytes).expect("digits for digits"));
    }

    #[test]
    fn a_cut_or_changed_text_is_refused_or_shown(cut in 0..GOLDEN.len(), byte in any::<u8>()) {
        prop_assert!(Document::parse(&String::from_utf8_lossy(&GOLDEN.as_bytes()[..cut])).is_err());
        let mut bytes = GOLDEN.as_bytes().to_vec();
        bytes[cut] = byte;
        use_all(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn empty_lists_are_shown() {
    let mut document = Document::parse(GOLDEN).expect("a stored replay");
    let replay = &mut document.replays[0];
    replay.contenders.clear();
    replay.live.clear();
    replay.sizes.clear();
    use_all(&document.to_json().expect("JSON"));
    document.replays.clear();
    use_all(&document.to_json().expect("JSON"));
}
