//! `info --json` keeps to its schema: the golden line is of a made-up trace. `docs/info-json.md` describes
//! every field in it.

mod support;

use serde_json::Value;
use support::{Script, Trace, flagstone, stderr, stdout};

const GOLDEN: &str = include_str!("golden/info.json");
const PAGE: &str = include_str!("../../../docs/info-json.md");

fn trace() -> Trace {
    let mut script = Script::new();
    let first = script.alloc(0, 40);
    let second = script.alloc_with(0, 5000, 64, true);
    script.realloc(1, first, 80);
    script.free(1, second);
    script.finish()
}

fn facts() -> Value {
    let trace = trace();
    let output = flagstone(&["info", "--json", trace.arg()]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stdout(&output).lines().count(), 1);
    let mut facts: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(facts["trace"], trace.arg());
    // What differs from run to run and with the compressor.
    facts["trace"] = "made-up.flagtrace".into();
    facts["bytes_on_disk"] = 0.into();
    facts
}

#[test]
fn the_line_is_the_golden_one() {
    let golden: Value = serde_json::from_str(GOLDEN).expect("JSON");
    let facts = facts();
    assert_eq!(facts, golden, "{facts:#}");
}

#[test]
fn every_field_is_described() {
    fn check(value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                assert!(
                    PAGE.contains(&format!("`{name}`")),
                    "{name} is not in docs/info-json.md"
                );
                check(value);
            }),
            Value::Array(values) => values.iter().for_each(check),
            _ => {}
        }
    }
    check(&facts());
}

/// Run with `--ignored` after a field was added.
#[test]
#[ignore = "writes the golden file"]
fn write_the_golden_file() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/info.json");
    std::fs::write(path, format!("{:#}\n", facts())).expect("the file");
}
