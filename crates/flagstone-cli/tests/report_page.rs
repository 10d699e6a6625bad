//! The page of a report is valid, whole, small, and loads nothing.

mod support;

use std::fs;

use flagstone_cli::report::{Document, page};
use scraper::{Html, Selector};
use support::{Script, flagstone, stderr};

fn golden() -> Document {
    Document::parse(include_str!("golden/replay-1.json")).expect("a stored replay")
}

fn parsed(page: &str) -> Html {
    let html = Html::parse_document(page);
    assert!(html.errors.is_empty(), "{:?}", html.errors);
    html
}

fn count(html: &Html, what: &str) -> usize {
    html.select(&Selector::parse(what).expect("a selector"))
        .count()
}

#[test]
fn every_plot_and_every_table_is_there_once() {
    let html = parsed(&page(&golden()).expect("a page"));
    for figure in [
        "times",
        "latency",
        "latency-alloc",
        "latency-zeroed",
        "latency-realloc",
        "latency-free",
        "live",
        "resident",
        "overhead",
        "sizes",
        "lifetimes",
    ] {
        let svg = format!("section.trace figure.{figure} > svg[role=img][aria-label][viewBox]");
        assert_eq!(count(&html, &svg), 1, "{figure}");
        assert_eq!(
            count(&html, &format!("figure.{figure} > figcaption")),
            1,
            "{figure}"
        );
    }
    for table in ["costs", "latencies", "facts", "who", "machine"] {
        let rows = count(
            &html,
            &format!("table.{table} > tbody > tr > th[scope=row]"),
        );
        assert!(rows > 0, "{table}");
        assert_eq!(
            count(&html, &format!("table.{table} > caption")),
            1,
            "{table}"
        );
    }
    assert_eq!(count(&html, "section.trace > .verdict > .answer"), 1);
    assert_eq!(count(&html, "h1"), 1);
}

#[test]
fn every_contender_is_in_the_plots_tables_and_sentences() {
    let document = golden();
    let html = parsed(&page(&document).expect("a page"));
    let contenders = document.replays[0].contenders.len();
    assert_eq!(count(&html, "table.costs > tbody > tr"), contenders);
    assert_eq!(count(&html, "table.who > tbody > tr"), contenders);
    assert_eq!(count(&html, ".verdict > ul > li"), contenders - 1);
    // A line each, and the area of what was live is no line.
    assert_eq!(
        count(&html, "figure.resident svg polyline[stroke-width='2']"),
        contenders
    );
    assert_eq!(
        count(&html, "figure.latency svg polyline[stroke-width='2']"),
        contenders
    );
}

#[test]
fn nothing_is_loaded_and_nothing_runs() {
    let page = page(&golden()).expect("a page");
    let html = parsed(&page);
    for forbidden in [
        "script", "link", "img", "iframe", "object", "embed", "[src]", "[onload]",
    ] {
        assert_eq!(count(&html, forbidden), 0, "{forbidden}");
    }
    assert_eq!(count(&html, "a:not([href^='#'])"), 0);
    for forbidden in ["://", "@import", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn names_are_shown_and_not_obeyed() {
    let document = golden();
    let name = &document.replays[0].trace.name;
    assert!(
        name.contains("<script>"),
        "the golden file has a hostile name"
    );
    let html = parsed(&page(&document).expect("a page"));
    let title = html
        .select(&Selector::parse("h1").expect("a selector"))
        .next();
    let title = title.expect("a title").text().collect::<String>();
    assert!(title.contains(name.as_str()), "{title}");
}

#[test]
fn what_is_missing_is_said() {
    let mut document = golden();
    let page_of_all = page(&document).expect("a page");
    assert_eq!(
        count(&parsed(&page_of_all), ".warning"),
        2,
        "the cut and the contender left out"
    );
    let replay = &mut document.replays[0];
    replay.lifetimes_ns.clear();
    for entrant in &mut replay.contenders {
        (entrant.memory, entrant.latency) = (None, None);
    }
    let html = parsed(&page(&document).expect("a page"));
    for figure in ["resident", "overhead", "latency", "lifetimes"] {
        assert_eq!(count(&html, &format!("figure.{figure}")), 0, "{figure}");
    }
    assert_eq!(count(&html, "figure.times > svg"), 1);
}

#[test]
fn the_command_writes_a_page_of_all_traces_that_is_small() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let path = folder.path().join("report.html");
    let path = path.to_str().expect("text");
    let output = flagstone(&["replay", "--rounds", "1", "--html", path]);
    assert!(output.status.success(), "{}", stderr(&output));
    let page = fs::read_to_string(path).expect("the page");
    assert!(page.len() < 2 << 20, "{} bytes", page.len());
    let html = parsed(&page);
    let traces = flagstone_cli::BUNDLED.len();
    assert_eq!(count(&html, "section.trace"), traces);
    assert_eq!(count(&html, "nav a[href^='#trace-']"), traces);
    assert_eq!(count(&html, "figure.times > svg"), traces);
}

#[test]
fn a_page_that_cannot_be_written_is_a_failure_after_the_result() {
    let mut script = Script::new();
    let object = script.alloc(0, 40);
    script.free(0, object);
    let trace = script.finish();
    let output = flagstone(&[
        "replay",
        "--rounds",
        "1",
        "--html",
        "/nowhere/report.html",
        trace.arg(),
    ]);
    support::assert_one_sentence(&output, "/nowhere/report.html");
    assert!(support::stdout(&output).contains("system"));
}
