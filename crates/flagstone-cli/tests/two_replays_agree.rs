//! Replays of the same trace on the same machine agree as well as they say: the intervals of a ratio
//! have a number in common.

mod support;

use flagstone_cli::report::{Document, Estimate};
use support::{flagstone, stderr, stdout};

#[test]
#[ignore = "measures time: cargo test --release --test two_replays_agree -- --ignored"]
fn intervals_of_the_same_ratio_meet() {
    let recording = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/recordings/python-words.flagtrace"
    );
    let replays: Vec<Document> = (0..6)
        .map(|_| {
            let output = flagstone(&["replay", "--json", recording]);
            assert!(output.status.success(), "{}", stderr(&output));
            Document::parse(&stdout(&output)).expect("a stored replay")
        })
        .collect();
    let ratios_of = |document: &Document| -> Vec<Estimate> {
        let contenders = document.replays[0].contenders.iter();
        contenders
            .filter_map(|entrant| entrant.time_ratio)
            .collect()
    };
    let (mut pairs, mut agree, mut least) = (0.0, 0.0, 1.0_f64);
    for (place, one) in replays.iter().enumerate() {
        for other in &replays[place + 1..] {
            for (own, theirs) in ratios_of(one).into_iter().zip(ratios_of(other)) {
                pairs += 1.0;
                agree += f64::from(u8::from(own.agrees_with(theirs)));
                least = least.min(own.confidence).min(theirs.confidence);
            }
        }
    }
    println!("{agree} of {pairs} pairs of intervals meet");
    assert!(pairs >= 30.0 && least > 0.95);
    assert!(agree / pairs >= least, "{agree} of {pairs}");
}
