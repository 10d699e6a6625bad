//! The house keeps its order: rooms import only earlier rooms, nothing imports in a circle, and
//! `unsafe`, atomics and the raw allocator stay where they may be.
//!
//! The compiler enforces some of this per file (`unsafe_code = "deny"`, clippy's
//! `disallowed_methods`); it has no word for the order of modules, so this test reads the sources.
//! It works on tokens, not on a syntax tree: paths inside macro bodies count as well, and one small
//! tokenizer builds faster than a parser of the whole language. What is read is described in
//! [`source`], how names are followed through re-exports in [`house`], and what is allowed in
//! [`rules`].

mod house;
mod rules;
mod source;
mod targets;

use house::House;

/// Fails with one line per offence.
fn expect_none(offences: &[String], rule: &str) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

#[test]
fn rooms_import_only_earlier_rooms() {
    expect_none(
        &rules::later_rooms(&House::of_this_crate()),
        "a room imports only rooms before it; move what both need into an earlier one",
    );
}

#[test]
fn files_do_not_import_in_a_circle() {
    expect_none(
        &rules::circles(&House::of_this_crate()),
        "files import each other; move the shared part into a file before both",
    );
    expect_none(
        &rules::idle_pairs(&House::of_this_crate()),
        "an exception that nothing needs; remove it from tests/rooms/rules.rs",
    );
}

#[test]
fn unsafe_stays_in_its_rooms() {
    expect_none(
        &rules::unsafe_outside(&House::of_this_crate()),
        "`unsafe` and the list in tests/rooms/rules.rs disagree",
    );
}

#[test]
fn atomics_and_the_allocator_have_one_door_each() {
    expect_none(
        &rules::side_doors(&House::of_this_crate()),
        "a path that only one file may name",
    );
}

#[test]
fn facades_hold_only_modules_and_uses() {
    expect_none(
        &rules::furnished_facades(&House::of_this_crate()),
        "lib.rs and mod.rs hold docs, `mod` and `use`; the rest belongs into a file",
    );
}

#[test]
fn files_are_short() {
    expect_none(
        &rules::long_files(&House::of_this_crate()),
        "a file this long is usually two",
    );
}

#[test]
fn every_test_file_is_built() {
    expect_none(
        &targets::forgotten(),
        "a test that no target of its package builds never runs",
    );
}

/// The rules bite: each sees the offence planted here, and nothing else.
mod planted {
    use super::{House, rules};

    /// Files of a crate that keeps every rule.
    const CLEAN: [(&str, &str); 4] = [
        ("lib.rs", "pub mod error; mod raw; pub use raw::Slab;"),
        ("error/mod.rs", "mod full; pub use full::Full;"),
        (
            "error/full.rs",
            "pub struct Full; const S: &str = \"crate::raw\"; // crate::raw",
        ),
        (
            "raw/mod.rs",
            "use crate::error::{self, Full as F}; mod slab; pub use slab::Slab;",
        ),
    ];

    fn with(file: &str, text: &str) -> House {
        let slab = (
            "raw/slab.rs",
            "pub struct Slab(super::F); unsafe fn put() {}",
        );
        let files = CLEAN.into_iter().chain([slab]);
        let others = files.filter(|(name, _)| *name != file);
        House::of_files(
            others
                .chain([(file, text)])
                .map(|(name, text)| (name.into(), text.into())),
        )
    }

    #[test]
    fn a_clean_house_has_no_offences() {
        let house = with("raw/bits.rs", "use crate::error;");
        assert_eq!(rules::later_rooms(&house), [""; 0]);
        assert_eq!(rules::circles(&house), [""; 0]);
        assert_eq!(rules::side_doors(&house), [""; 0]);
        assert_eq!(rules::furnished_facades(&house), [""; 0]);
    }

    #[test]
    fn later_rooms_are_seen_in_trees_paths_macros_and_through_re_exports() {
        for text in [
            "use crate::{error::Full, raw::{self as r, Slab}};",
            "fn f() { let _ = crate::raw::slab::put; }",
            "macro_rules! m { () => { $crate::raw::Slab }; }",
            "use crate::Slab;",
            "use super::super::raw;",
            "mod inner { use super::super::super::raw; }",
        ] {
            let offences = rules::later_rooms(&with("error/full.rs", text));
            assert!(!offences.is_empty(), "not seen: {text}");
            assert!(
                offences.iter().all(|line| line.contains("error/full.rs")),
                "{offences:?}"
            );
        }
    }

    #[test]
    fn an_unlisted_room_is_seen() {
        let offences = rules::later_rooms(&with("attic/mod.rs", "pub struct Box;"));
        assert_eq!(offences.len(), 1, "{offences:?}");
    }

    #[test]
    fn siblings_do_not_know_each_other() {
        let house = House::of_files([
            ("lib.rs".into(), "pub mod arena; pub mod pool;".into()),
            ("arena/mod.rs".into(), String::new()),
            ("pool/mod.rs".into(), "use crate::arena;".into()),
        ]);
        assert_eq!(rules::later_rooms(&house).len(), 1);
    }

    #[test]
    fn circles_are_seen_through_re_exports() {
        let house = with("error/full.rs", "use super::other::A; pub struct Full;");
        assert_eq!(rules::circles(&house), [""; 0]);
        let house = House::of_files([
            ("lib.rs".into(), "mod raw;".into()),
            (
                "raw/mod.rs".into(),
                "mod a; mod b; pub use a::A; pub use b::B;".into(),
            ),
            ("raw/a.rs".into(), "pub struct A(super::B);".into()),
            ("raw/b.rs".into(), "use super::A; pub struct B;".into()),
        ]);
        assert_eq!(rules::circles(&house).len(), 1);
    }

    #[test]
    fn unsafe_in_a_safe_room_is_seen() {
        let text = "pub struct Full; fn f() { unsafe { g() } }";
        let offences = rules::unsafe_outside(&with("error/full.rs", text));
        assert!(
            offences
                .iter()
                .any(|line| line.starts_with("error/full.rs:1"))
        );
    }

    #[test]
    fn side_doors_are_seen() {
        for text in [
            "use core::sync::{atomic::AtomicBool};",
            "fn f() { std::sync::atomic::fence(o) }",
            "use loom::sync::atomic;",
            "use alloc::alloc::{Layout, dealloc};",
            "fn f() { unsafe { ::std::alloc::alloc(l) } }",
        ] {
            let offences = rules::side_doors(&with("error/full.rs", text));
            assert_eq!(offences.len(), 1, "{text}: {offences:?}");
        }
    }

    #[test]
    fn code_in_a_facade_is_seen() {
        let text = "//! Docs.\n#[cfg(x)]\nmod full;\npub(crate) use full::Full;\npub fn f() {}";
        let offences = rules::furnished_facades(&with("error/mod.rs", text));
        assert_eq!(offences.len(), 1, "{offences:?}");
        assert!(offences[0].starts_with("error/mod.rs:5"));
    }

    #[test]
    fn a_long_file_is_seen_and_comments_and_tests_are_not_counted() {
        let code = "fn f() {}\n".repeat(500);
        let around = format!("{code}// why\n\n#[cfg(test)]\nmod tests {{\n{code}}}\n");
        assert_eq!(rules::long_files(&with("error/full.rs", &around)), [""; 0]);
        let one_more = format!("fn g() {{}}\n{around}");
        assert_eq!(
            rules::long_files(&with("error/full.rs", &one_more)).len(),
            1
        );
    }
}
