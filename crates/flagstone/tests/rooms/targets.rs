//! Test files that nothing builds.
//!
//! A package that lists its targets itself, or a file that lost its `mod` line, leaves tests behind
//! that look alive and never run.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Files directly in a member's `tests` folder, and folders with a `main.rs` there, that are no
/// target; and other files below it that no file beside them or beside their folder names.
pub(super) fn forgotten() -> Vec<String> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let mut offences = Vec::new();
    for package in packages {
        let manifest = path(&package["manifest_path"]);
        let targets = package["targets"].as_array().expect("targets");
        let built: BTreeSet<_> = targets
            .iter()
            .map(|target| path(&target["src_path"]))
            .collect();
        let folder = manifest
            .parent()
            .expect("a manifest's folder")
            .join("tests");
        if folder.is_dir() {
            visit(&folder, "", &built, &mut offences);
        }
    }
    offences
}

fn metadata() -> Value {
    // The package's own folder is inside the workspace, so this describes all members.
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs the tests, so it can run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata failed: {errors}");
    serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON")
}

fn path(value: &Value) -> PathBuf {
    value.as_str().expect("a path").into()
}

/// `above`: the text of the files beside `folder`, which declare its `mod.rs`.
fn visit(folder: &Path, above: &str, built: &BTreeSet<PathBuf>, offences: &mut Vec<String>) {
    let entries = fs::read_dir(folder).expect("a folder of tests");
    let paths = entries.map(|entry| entry.expect("an entry of a readable folder").path());
    let (folders, mut files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let texts: Vec<_> = files
        .iter()
        .map(|file| fs::read_to_string(file).expect("a readable test"))
        .collect();
    let beside = texts.concat();
    for file in files {
        let declared = match name(&file).as_str() {
            "mod" => above.contains(&format!("mod {};", name(folder))),
            stem => beside.contains(&format!("mod {stem};")),
        };
        // Programs that must not compile are named by a pattern, in the test that compiles them.
        let compiled = above.contains(&format!("/{}/*.rs\"", name(folder)));
        if !built.contains(&file) && !declared && !compiled {
            offences.push(file.display().to_string());
        }
    }
    for inner in folders {
        visit(&inner, &beside, built, offences);
    }
}

fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
