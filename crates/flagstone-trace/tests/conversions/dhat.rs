//! Promise: the model of a DHAT profile has the profile's totals at every call site, and says that it is
//! one. `files/t.c` is the program that `files/dhat.out.t` is of.

use flagstone_trace::{Origin, SiteRow};

use crate::view::imported;

pub(crate) const FILE: &[u8] = include_bytes!("files/dhat.out.t");

fn numbers(row: &SiteRow) -> [f64; 4] {
    [
        row.allocated_objects,
        row.allocated_bytes,
        row.live_objects,
        row.live_bytes,
    ]
}

#[test]
fn totals_are_exact() {
    let (view, _) = imported(FILE).unwrap();
    assert_eq!(
        (view.header.program.as_str(), view.header.origin),
        ("./t", Origin::Dhat)
    );
    assert_eq!(view.header.pid, 24_252);
    assert_eq!(view.summary.duration_ns, 156_077);
    let rows: Vec<_> = view
        .site_stats()
        .rows()
        .map(|(_, row)| numbers(&row))
        .collect();
    for expected in [
        [2.0, 14_000.0, 0.0, 0.0],
        [20.0, 2000.0, 0.0, 0.0],
        [1.0, 64.0, 1.0, 64.0],
    ] {
        assert!(rows.contains(&expected), "{expected:?} is not in {rows:?}");
    }
    assert_eq!(rows.len(), 3);
    assert!(
        view.by_functions()
            .contains_key("malloc < leaf < churn < main")
    );
}

/// A profile of one point.
fn profile(point: &str, frames: &str) -> String {
    format!(
        "{{\"dhatFileVersion\":2,\"mode\":\"rust-heap\",\"tu\":\"µs\",\"te\":1000,\"cmd\":\"x\",\
         \"pps\":[{{{point},\"fs\":[0]}}],\"ftbl\":[{frames}]}}"
    )
}

#[test]
fn sizes_that_do_not_divide_and_blocks_that_stay_add_up() {
    let profile = profile(
        "\"tb\":1003,\"tbk\":10,\"tl\":500,\"eb\":100,\"ebk\":3",
        "\"0xff: core::x::y (src/lib.rs:12:34)\"",
    );
    let (view, _) = imported(profile.as_bytes()).unwrap();
    let total = view.site_stats().total();
    assert_eq!(numbers(&total), [10.0, 1003.0, 3.0, 100.0]);
    // Microseconds, as the profile says.
    assert_eq!(view.stats.lifetimes_ns().total(), 7 * 50_000);
    let location = &view.sites.locations(0xff)[0];
    assert_eq!(
        (
            location.function.as_str(),
            location.file.as_str(),
            location.line
        ),
        ("core::x::y", "src/lib.rs", 12)
    );
}

#[test]
fn impossible_points_are_refused() {
    for point in [
        "\"tb\":1,\"tbk\":1,\"eb\":2,\"ebk\":1",
        "\"tb\":1,\"tbk\":1,\"eb\":0,\"ebk\":2",
        "\"tb\":9,\"tbk\":2,\"eb\":1,\"ebk\":0",
        "\"tb\":9,\"tbk\":2,\"eb\":1,\"ebk\":2",
        "\"tb\":9,\"tbk\":0",
        "\"tb\":9,\"tbk\":99999999999",
        "\"tb\":-9,\"tbk\":1",
    ] {
        let error = imported(profile(point, "\"0x1: f (a.c:1)\"").as_bytes()).err();
        let sentence = error.expect(point).to_string();
        assert!(!sentence.contains('\n'), "{sentence}");
    }
    assert!(
        imported(profile("\"tb\":9,\"tbk\":1", "").as_bytes()).is_err(),
        "no such frame"
    );
}

#[test]
fn a_profile_that_is_cut_anywhere_is_refused() {
    let end = FILE.iter().rposition(|&byte| byte == b'}').unwrap();
    for cut in 0..end {
        assert!(imported(&FILE[..cut]).is_err());
    }
}
