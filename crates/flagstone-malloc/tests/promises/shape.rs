//! Promise: the library takes the place of the family and of nothing else, and finds its thread-locals in one step.

use std::process::Command;

use crate::library::library;

/// What a tool of binutils, which comes with the C compiler, says of the library.
fn said(tool: &str, args: &[&str]) -> String {
    let output = Command::new(tool)
        .args(args)
        .arg(library())
        .output()
        .expect("binutils are there where a C compiler is");
    assert!(output.status.success(), "{output:#?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn nothing_else_is_exported() {
    let said = said("nm", &["--dynamic", "--defined-only", "--format=posix"]);
    let mut names: Vec<_> = said
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    names.sort_unstable();
    let family = "__libc_calloc __libc_free __libc_malloc __libc_memalign __libc_pvalloc __libc_realloc \
        __libc_reallocarray __libc_valloc aligned_alloc calloc cfree free free_aligned_sized free_sized \
        mallinfo mallinfo2 malloc malloc_stats malloc_trim malloc_usable_size memalign posix_memalign \
        pvalloc realloc reallocarray valloc";
    assert_eq!(names.join(" "), family);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn thread_locals_need_no_call() {
    let flags = said("readelf", &["--dynamic", "--wide"]);
    assert!(flags.contains("STATIC_TLS"), "{flags}");
}
