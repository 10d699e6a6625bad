//! A wrong command line is status 2, help is status 0 and has an example.

mod support;

use support::{flagstone, stderr, stdout};

#[test]
fn wrong_command_lines_have_status_2() {
    for args in [
        &["frobnicate"][..],
        &["info"],
        &["record"],
        &["record", "--sample", "0", "--", "true"],
        &["record", "--max-bytes", "many", "--", "true"],
        &["record", "--stacks=65", "--", "true"],
        &["info", "--sites=0", "x"],
        &["import"],
        &["import", "--format", "massif", "x"],
        &["export", "x"],
        &["export", "--to", "svg", "-o", "y", "x"],
        &["replay", "--rounds", "0"],
        &["replay", "--contender", "nobody"],
    ] {
        let output = flagstone(args);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{args:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn an_unknown_contender_is_told_who_takes_part() {
    let output = flagstone(&["replay", "--contender", "nobody"]);
    assert!(stderr(&output).contains("system"), "{}", stderr(&output));
}

#[test]
fn every_command_has_help_with_an_example() {
    assert!(flagstone(&["--help"]).status.success());
    for command in ["record", "info", "import", "export", "replay"] {
        let output = flagstone(&[command, "--help"]);
        assert!(output.status.success());
        assert!(
            stdout(&output).contains("Example: flagstone"),
            "{}",
            stdout(&output)
        );
    }
}

#[test]
fn the_hidden_child_without_a_survey_fails_in_one_sentence() {
    let trace = support::Script::new().finish();
    let args = [
        "replay-once",
        "--contender",
        "system",
        "--trace",
        trace.arg(),
    ];
    support::assert_one_sentence(&flagstone(&args), "survey");
}
