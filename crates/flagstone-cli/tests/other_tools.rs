//! Other people's programs read our exports, and we import what they write. A test whose tool is not
//! installed passes with a notice, unless `FLAGSTONE_NEED_TOOLS` is set, as `ci/exports` does.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use support::{flagstone, stderr, stdout};
use tempfile::TempDir;

/// A program that allocates in two functions, and its trace with call sites.
struct Lab {
    folder: TempDir,
    program: PathBuf,
}

impl Lab {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let source = folder.path().join("places.c");
        let program = folder.path().join("places");
        let text = "#include <stdlib.h>\n\
            #include <string.h>\n\
            #define PLACE __attribute__((noinline, noclone))\n\
            PLACE char *keeps(size_t n) { char *p = malloc(n); memset(p, 1, n); return p; }\n\
            PLACE char *passes(size_t n) { char *p = malloc(n); memset(p, 1, n); return p; }\n\
            int main(void) {\n\
              char *kept = keeps(3000000);\n\
              for (int i = 0; i < 1000; i++) free(passes(20000));\n\
              return kept[7] == 0;\n\
            }\n";
        fs::write(&source, text).expect("the source");
        let mut compiler = Command::new("cc");
        compiler
            .args(["-g", "-O1", "-fno-builtin", "-o"])
            .args([&program, &source]);
        assert!(
            compiler
                .status()
                .expect("a C compiler, which the tests need")
                .success()
        );
        Self { folder, program }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn record(&self, args: &[&str]) -> PathBuf {
        let trace = self.path("places.flagtrace");
        let (out, program) = (text(&trace), text(&self.program));
        succeed(&[&["record", "-o", out], args, &["--", program]].concat());
        trace
    }

    fn export(&self, trace: &Path, to: &str, name: &str) -> PathBuf {
        let out = self.path(name);
        succeed(&["export", "--to", to, "-o", text(&out), text(trace)]);
        out
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

fn succeed(args: &[&str]) -> Output {
    let output = flagstone(args);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    output
}

/// The tool, or a notice that it is missing.
fn tool(name: &str) -> Option<Command> {
    let found = Command::new("which")
        .arg(name)
        .output()
        .is_ok_and(|which| which.status.success());
    if !found {
        let needed = std::env::var_os("FLAGSTONE_NEED_TOOLS").is_some();
        assert!(!needed, "{name} is not installed");
        println!("{name} is not installed: nothing was tested");
    }
    found.then(|| Command::new(name))
}

#[track_caller]
fn output_of(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
    stdout(&output) + &stderr(&output)
}

#[test]
fn go_tool_pprof_shows_the_functions() {
    let Some(mut go) = tool("go") else { return };
    let lab = Lab::new();
    let profile = lab.export(&lab.record(&["--stacks"]), "pprof", "places.pb.gz");
    let top = output_of(go.args(["tool", "pprof", "-top", text(&profile)]));
    assert!(top.contains("alloc_space"), "{top}");
    let passes = top
        .lines()
        .find(|line| line.ends_with(" passes"))
        .unwrap_or_else(|| panic!("{top}"));
    assert!(
        passes.trim_start().starts_with("19073.49kB") || passes.contains("MB"),
        "{passes}"
    );
    let left = output_of(Command::new("go").args([
        "tool",
        "pprof",
        "-sample_index=inuse_space",
        "-unit=B",
        "-top",
        text(&profile),
    ]));
    let keeps = left
        .lines()
        .find(|line| line.ends_with(" keeps"))
        .unwrap_or_else(|| panic!("{left}"));
    assert!(keeps.trim_start().starts_with("3000000B"), "{keeps}");
    let raw = output_of(Command::new("go").args(["tool", "pprof", "-raw", text(&profile)]));
    assert!(
        raw.contains("peak_space/bytes") && raw.contains("places.c:5"),
        "{raw}"
    );
}

#[test]
fn go_tool_pprof_shows_estimates_of_a_sample() {
    let Some(mut go) = tool("go") else { return };
    let lab = Lab::new();
    let trace = lab.record(&["--stacks", "--sample", "64k"]);
    let profile = lab.export(&trace, "pprof", "places.pb.gz");
    let top = output_of(go.args(["tool", "pprof", "-unit=B", "-top", text(&profile)]));
    let passes = top
        .lines()
        .find(|line| line.ends_with(" passes"))
        .unwrap_or_else(|| panic!("{top}"));
    let bytes = passes
        .split_whitespace()
        .next()
        .and_then(|bytes| bytes.strip_suffix('B'));
    let bytes: f64 = bytes
        .and_then(|bytes| bytes.parse().ok())
        .unwrap_or_else(|| panic!("{passes}"));
    // 1,000 objects, each there with a probability of a quarter: six deviations are a third.
    assert!((13e6..27e6).contains(&bytes), "{bytes}");
}

#[test]
fn heaptrack_print_shows_the_same_totals() {
    let Some(mut heaptrack) = tool("heaptrack_print") else {
        return;
    };
    let lab = Lab::new();
    for name in ["places.gz", "places.txt"] {
        let file = lab.export(&lab.record(&["--stacks"]), "heaptrack", name);
        let page = output_of(heaptrack.args(["-l", "-f", text(&file)]));
        assert!(
            page.contains("calls to allocation functions: 1001 "),
            "{page}"
        );
        assert!(
            page.contains("peak heap memory consumption: 3.02M"),
            "{page}"
        );
        assert!(page.contains("total memory leaked: 3.00M"), "{page}");
        assert!(page.contains("passes"), "{page}");
        heaptrack = Command::new("heaptrack_print");
    }
}

#[test]
fn what_heaptrack_records_is_imported() {
    let Some(mut heaptrack) = tool("heaptrack") else {
        return;
    };
    let lab = Lab::new();
    output_of(
        heaptrack
            .arg("-o")
            .arg(lab.path("theirs"))
            .arg(&lab.program),
    );
    let theirs = ["theirs.zst", "theirs.gz"].map(|name| lab.path(name));
    let file = theirs
        .iter()
        .find(|path| path.exists())
        .expect("a heaptrack file");
    let trace = lab.path("theirs.flagtrace");
    succeed(&["import", text(file), "-o", text(&trace)]);
    check_sites(&trace);
}

#[test]
fn what_dhat_measures_is_imported() {
    let Some(mut valgrind) = tool("valgrind") else {
        return;
    };
    let lab = Lab::new();
    let out = lab.path("dhat.out");
    let option = format!("--dhat-out-file={}", text(&out));
    output_of(valgrind.args(["--tool=dhat", &option]).arg(&lab.program));
    let trace = lab.path("theirs.flagtrace");
    succeed(&["import", text(&out), "-o", text(&trace)]);
    check_sites(&trace);
}

#[test]
fn our_own_call_sites_are_theirs() {
    let lab = Lab::new();
    check_sites(&lab.record(&["--stacks"]));
}

/// What the program allocates, whoever saw it.
fn check_sites(trace: &Path) {
    let output = succeed(&["info", "--json", "--sites=50", text(trace)]);
    let facts: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let sites = facts["sites"].as_array().expect("sites");
    for (function, objects, bytes, left) in [
        ("passes", 1000, 20_000_000, 0),
        ("keeps", 1, 3_000_000, 3_000_000),
    ] {
        let site = sites
            .iter()
            .find(|site| site["place"]["function"] == function);
        let site = site.unwrap_or_else(|| panic!("{function} is not in {facts:#}"));
        assert_eq!(site["allocated_objects"], objects);
        assert_eq!(site["allocated_bytes"], bytes);
        assert_eq!(site["live_bytes_at_end"], left);
        assert_eq!(site["callers"][0]["function"], "main");
    }
}
