//! The page.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use super::charts::{Figure, figures};
use super::escape::Escaped;
use super::{palette, tables};
use crate::Failure;
use crate::report::document::{Document, Replay};

const STYLE: &str = include_str!("style.css");

/// How the numbers were got, in short.
const METHOD: &str = "\
<p>Every allocation, reallocation and free of the recording was carried out again by each \
contender, in the recorded order on each thread, each round in a process of its own and in \
alternating order. What the program did in between was not.</p>\
<p><b>Time</b> is processor time per operation; writing to the memory that was handed out belongs \
to it. <b>Time ratio</b> is the median over the rounds of a contender's time divided by that of the \
first one, which plays at both ends of each round. <b>Interval</b>: two of those ratios, chosen so that the \
true median is between them with the probability stated, whatever the distribution \
(Thompson 1936). A difference is claimed only if the interval excludes 1 and the ratio is further \
from 1 than the first contender's ratio to itself.</p>\
<p><b>Resident</b> is what the process's anonymous memory grew by. <b>Latency</b> is wall time of \
single operations in rounds of their own, less what reading the clock takes; whatever interrupts \
a thread is in it.</p>";

/// A document as a page that needs nothing else.
///
/// # Errors
///
/// If a plot cannot be drawn.
pub fn page(document: &Document) -> Result<String, Failure> {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>flagstone replay: {}</title>\n<style>\n{STYLE}{}</style>\n</head>\n<body>\n\
         <header>\n<h1>Replay of {}</h1>\n<p class=\"sub\">{}</p>\n</header>\n<main>\n",
        Escaped(&names(document)),
        palette::style(),
        Escaped(&names(document)),
        Escaped(&document.machine.to_string()),
    );
    if document.replays.len() > 1 {
        out += "<nav aria-label=\"Traces\"><ul>\n";
        for (number, replay) in document.replays.iter().enumerate() {
            let name = Escaped(&replay.trace.name);
            let _ = writeln!(out, "<li><a href=\"#trace-{number}\">{name}</a></li>");
        }
        out += "</ul></nav>\n";
    }
    for (number, replay) in document.replays.iter().enumerate() {
        write_replay(&mut out, number, document.replays.len() == 1, replay)?;
    }
    write_end(&mut out, document);
    Ok(out)
}

fn names(document: &Document) -> String {
    match &document.replays[..] {
        [one] => one.trace.name.clone(),
        many => format!("{} traces", many.len()),
    }
}

fn write_replay(
    out: &mut String,
    number: usize,
    single: bool,
    replay: &Replay,
) -> Result<(), Failure> {
    // The heading of the page has the name of a single trace.
    let title = if single {
        "What it comes to"
    } else {
        &replay.trace.name
    };
    let _ = writeln!(
        out,
        "<section class=\"trace\" id=\"trace-{number}\">\n<h2>{}</h2>",
        Escaped(title)
    );
    if let Some(cut) = &replay.trace.cut {
        let _ = writeln!(
            out,
            "<p class=\"warning\">Only a part of the trace could be read: {}.</p>",
            Escaped(cut)
        );
    }
    write_verdict(out, replay);
    *out += &tables::costs(replay);
    *out += "<div class=\"figures\">\n";
    for figure in figures(replay)? {
        write_figure(out, &figure, replay);
    }
    *out += "</div>\n";
    if let Some(latencies) = tables::latencies(replay) {
        *out += &latencies;
    }
    *out += &tables::trace(replay);
    *out += &tables::contenders(replay);
    *out += "</section>\n";
    Ok(())
}

fn write_verdict(out: &mut String, replay: &Replay) {
    *out += "<div class=\"verdict\">\n";
    let mut sentences = replay.verdict.iter();
    if let Some(answer) = sentences.next() {
        let _ = writeln!(out, "<p class=\"answer\">{}</p>", Escaped(answer));
    }
    let own: Vec<_> = replay
        .contenders
        .iter()
        .enumerate()
        .filter_map(|(place, entrant)| Some((place, entrant.verdict.as_ref()?)))
        .collect();
    if !own.is_empty() {
        *out += "<ul>\n";
        for (place, sentence) in own {
            let class = palette::class(Some(place));
            let sentence = Escaped(sentence);
            let _ = writeln!(
                out,
                "<li><span class=\"dot {class}\"></span>{sentence}</li>"
            );
        }
        *out += "</ul>\n";
    }
    for sentence in sentences {
        let _ = writeln!(out, "<p>{}</p>", Escaped(sentence));
    }
    for left in &replay.left_out {
        let _ = writeln!(
            out,
            "<p class=\"warning\">{} is left out: {}.</p>",
            Escaped(&left.name),
            Escaped(&left.why)
        );
    }
    *out += "</div>\n";
}

fn write_figure(out: &mut String, figure: &Figure, replay: &Replay) {
    let _ = write!(
        out,
        "<figure class=\"{}\"><h3>{}</h3>\n{}",
        figure.id,
        Escaped(&figure.title),
        figure.svg
    );
    if figure.contenders {
        *out += "<p class=\"key\">";
        for (place, entrant) in replay.contenders.iter().enumerate() {
            let _ = write!(out, "<span>{}</span> ", tables::named(place, &entrant.name));
        }
        if figure.live {
            *out += "<span><span class=\"dot of-live\"></span>live bytes</span>";
        }
        *out += "</p>";
    }
    let _ = writeln!(
        out,
        "<figcaption>{}</figcaption></figure>",
        Escaped(figure.note)
    );
}

fn write_end(out: &mut String, document: &Document) {
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(document.made_unix_s.min(1 << 37));
    let made = humantime::format_rfc3339_seconds(made).to_string();
    *out += "</main>\n<footer>\n";
    *out += &tables::machine(&document.machine, &document.flagstone, &made);
    if !document.not_built.is_empty() {
        let _ = writeln!(
            out,
            "<p>Not in this build of the command: {}.</p>",
            Escaped(&document.not_built.join(", "))
        );
    }
    let _ = write!(
        out,
        "<h2>How to read this</h2>\n{METHOD}\n</footer>\n</body>\n</html>\n"
    );
}
