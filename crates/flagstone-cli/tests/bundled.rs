//! Without a trace the command replays every recording it has built in, with every contender.

mod support;

use flagstone_cli::replay::{Survey, contenders};
use flagstone_cli::{BUNDLED, Source};
use support::{flagstone, stderr, stdout};

#[test]
fn the_bare_replay_shows_every_recording_and_every_contender() {
    let output = flagstone(&["replay", "--rounds", "1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    for bundled in BUNDLED {
        assert!(text.contains(&format!("{}:", bundled.name)), "{text}");
    }
    for contender in contenders() {
        // Only rows of a table have a range.
        let rows = text.lines().filter(|line| line.contains(" – "));
        let rows = rows.filter(|line| {
            line.trim_start_matches(['│', ' '])
                .starts_with(contender.name())
        });
        assert_eq!(rows.count(), BUNDLED.len(), "{}: {text}", contender.name());
    }
}

#[test]
fn every_recording_is_whole_small_and_of_a_program_of_its_own() {
    let mut threaded = 0;
    for (source, bundled) in Source::bundled().zip(BUNDLED) {
        assert!(
            bundled.bytes.len() < 500_000,
            "{} is too large",
            bundled.name
        );
        let survey = Survey::of(&source, |_| ()).expect("a readable trace");
        assert_eq!(survey.cut, None, "{}", bundled.name);
        assert!(survey.events > 10_000, "{}", bundled.name);
        threaded += usize::from(survey.threads() > 1);
    }
    assert!(threaded > 0, "one recording has several threads");
}

#[test]
fn no_recording_shows_where_it_was_made() {
    for source in Source::bundled() {
        let reader = source.open().expect("a readable trace");
        let header = reader.header();
        for word in [&header.program].into_iter().chain(&header.args) {
            assert!(!word.contains('/'), "{source}: {word}");
        }
    }
}
