//! Builds the recorder that is loaded into programs, and hands it to the library as bytes.
//!
//! The recorder is a shared library of its own that must not contain this crate, so it is not one
//! of cargo's targets: an installed command would have to find the file again. One call of the
//! compiler makes it here, and `src/preload.rs` includes it. The call takes no flags from the
//! environment, so that a build with a sanitizer does not put one into every recorded program.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=preload");
    println!("cargo::rerun-if-changed=src/spool/format.rs");
    println!("cargo::rerun-if-changed=build.rs");
    let library = PathBuf::from(variable("OUT_DIR")).join("libflagstone_record.so");
    if is_supported() {
        compile(&library);
    } else {
        // The library says at run time, in one sentence, that it cannot record here.
        std::fs::write(&library, []).expect("OUT_DIR is writable");
    }
}

/// Whether the recorder's declarations of the C library hold on the target.
fn is_supported() -> bool {
    let target = |name: &str| variable(&format!("CARGO_CFG_TARGET_{name}"));
    target("OS") == "linux"
        && target("ENV") == "gnu"
        && ["x86_64", "aarch64", "riscv64"].contains(&target("ARCH").as_str())
        && target("POINTER_WIDTH") == "64"
}

fn compile(library: &Path) {
    let mut rustc = Command::new(variable("RUSTC"));
    rustc
        .args([
            "preload/lib.rs",
            "--crate-name",
            "flagstone_preload",
            "--crate-type",
            "cdylib",
        ])
        .args([
            "--edition",
            "2024",
            "--cap-lints",
            "allow",
            "--target",
            &variable("TARGET"),
        ])
        .args([
            "-Copt-level=3",
            "-Cpanic=abort",
            "-Clto=fat",
            "-Ccodegen-units=1",
        ])
        // Stacks are followed through the recorder's own frames.
        .args(["-Cforce-unwind-tables=yes", "-Cforce-frame-pointers=yes"])
        .args(["-Cstrip=symbols", "-o"])
        .arg(library);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.arg(format!("-Clinker={linker}"));
    }
    let status = rustc
        .status()
        .unwrap_or_else(|error| panic!("{rustc:?} cannot run: {error}"));
    assert!(status.success(), "{rustc:?} failed: {status}");
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}
