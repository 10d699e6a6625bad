//! Finds out which versions the command is made of.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Variables that the command reads, and the packages whose versions they hold.
const PACKAGES: [(&str, &str, &str); 3] = [
    ("FLAGSTONE_MIMALLOC", "mimalloc crate", "mimalloc"),
    (
        "FLAGSTONE_JEMALLOC",
        "tikv-jemallocator crate",
        "tikv-jemallocator",
    ),
    ("FLAGSTONE_SNMALLOC", "snmalloc-rs crate", "snmalloc-rs"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("--version")
        .output();
    let compiler = compiler
        .ok()
        .and_then(|said| String::from_utf8(said.stdout).ok());
    let compiler = compiler.unwrap_or_else(|| "an unknown compiler".to_owned());
    println!("cargo::rustc-env=FLAGSTONE_RUSTC={}", compiler.trim());

    let lock = lock_file();
    for (variable, what, package) in PACKAGES {
        let version = version_of(package, &lock).unwrap_or("of an unknown version");
        println!("cargo::rustc-env={variable}={what} {version}");
    }
}

/// The lock file of the workspace, or of this package when it is built by itself.
fn lock_file() -> String {
    let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let folders = Path::new(&here).ancestors().take(3);
    let files = folders.map(|folder| folder.join("Cargo.lock"));
    let Some(file) = files.into_iter().find(|file| file.exists()) else {
        return String::new();
    };
    println!("cargo::rerun-if-changed={}", file.display());
    fs::read_to_string(file).unwrap_or_default()
}

fn version_of<'l>(package: &str, lock: &'l str) -> Option<&'l str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines
        .nth(1)?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}
