//! Finds the library, and runs programs with it and without.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The library. Cargo builds it with the tests, into the folder that they are in.
pub(crate) fn library() -> PathBuf {
    let test = env::current_exe().expect("a test is a program");
    let library = test.with_file_name("libflagstone_malloc.so");
    assert!(library.exists(), "{} is missing", library.display());
    library
}

/// Compiles `programs/<name>.c` when it is first asked for.
pub(crate) fn program(name: &str, place: &'static OnceLock<(TempDir, PathBuf)>) -> &'static Path {
    let (_, program) = place.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join(name);
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/promises/programs")
            .join(name)
            .with_extension("c");
        let status = Command::new("cc")
            .args(["-O1", "-fno-builtin", "-pthread", "-Wall", "-Werror"])
            .args(["-Wno-deprecated-declarations", "-o"])
            .args([&program, &source])
            .arg("-ldl")
            .status()
            .expect("cc is needed to build the programs");
        assert!(status.success(), "{name}.c does not compile");
        (folder, program)
    });
    program
}

/// Runs a chapter of a program of ours, which says `kept` when it has come to its end.
pub(crate) fn keeps(program: &Path, chapter: &str) -> Output {
    let mut command = Command::new(program);
    command.arg(chapter);
    preload(&mut command);
    let output = command.output().expect("a compiled program can be started");
    assert!(output.status.success(), "{chapter}: {output:#?}");
    assert_eq!(output.stdout, b"kept\n", "{chapter}");
    output
}

/// Sees to it that the command and all that it starts are loaded with the library.
pub(crate) fn preload(command: &mut Command) {
    command.env("LD_PRELOAD", library());
    command.env_remove("FLAGSTONE_MALLOC_STATS");
}

/// Whether the program can be started at all. Not every machine has every one.
pub(crate) fn is_here(program: impl AsRef<OsStr>) -> bool {
    let program = program.as_ref();
    let here = Command::new(program).arg("--version").output().is_ok();
    if !here {
        eprintln!("{} is not installed: not tested", program.display());
    }
    here
}
