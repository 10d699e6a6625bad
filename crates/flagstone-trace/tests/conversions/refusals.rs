//! Promise: what is no file of a known tool is refused in one sentence.

use flagstone_trace::import::{ImportFormat, import_as};

use crate::view::imported;
use crate::{dhat, heaptrack};

#[test]
fn files_of_nobody() {
    for file in [
        &b""[..],
        b"hello\n",
        b"\x7fELF",
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd\x00",
    ] {
        let sentence = imported(file).err().expect("an error").to_string();
        assert!(
            !sentence.contains('\n') && sentence.len() > 20,
            "{sentence}"
        );
    }
    assert!(imported(b"hello\n").err().unwrap().is_unknown_format());
}

#[test]
fn versions_that_are_not_known() {
    for file in [
        &b"v 10400 4\nX a\n"[..],
        b"v 10400 0\nX a\n",
        b"X a\n+ 1\n",
        b"{\"dhatFileVersion\":1,\"mode\":\"heap\"}",
    ] {
        assert!(imported(file).err().unwrap().is_unknown_version());
    }
}

#[test]
fn profiles_of_other_things_than_the_heap() {
    let file = b"{\"dhatFileVersion\":2,\"mode\":\"copy\"}";
    assert!(imported(file).err().unwrap().to_string().contains("copy"));
}

#[test]
fn a_line_that_makes_no_sense_is_named() {
    for line in [
        "+ 7", "- 7", "t 1 0", "t 0 0", "a 10 3", "i zz 0", "+", "? 1", "a 10",
    ] {
        let file = format!("v 10400 3\nX a\n{line}\n");
        let sentence = imported(file.as_bytes()).err().expect(line).to_string();
        assert!(sentence.contains("line 3"), "{line}: {sentence}");
    }
}

#[test]
fn a_format_that_is_forced_is_believed() {
    assert!(import_as(ImportFormat::Heaptrack, heaptrack::FILE, Vec::new()).is_ok());
    assert!(import_as(ImportFormat::Dhat, dhat::FILE, Vec::new()).is_ok());
    assert!(import_as(ImportFormat::Dhat, heaptrack::FILE, Vec::new()).is_err());
    assert!(import_as(ImportFormat::Heaptrack, dhat::FILE, Vec::new()).is_err());
}
