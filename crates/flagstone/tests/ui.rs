//! What must not compile, does not: each file of `ui` is one wrong program, beside the words in which
//! the compiler refuses it.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes those words anew.

#[test]
#[cfg_attr(miri, ignore = "runs the compiler")]
fn wrong_programs_are_refused() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
