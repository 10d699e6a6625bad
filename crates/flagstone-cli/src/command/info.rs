//! `flagstone info`.

use crate::args::InfoArgs;
use crate::info::Facts;
use crate::{Failure, Source, output, progress};

pub(super) fn info(args: InfoArgs) -> Vec<Failure> {
    let mut failures = Vec::new();
    for path in args.traces {
        match show(&Source::File(path), args.sites, args.json) {
            Ok(None) => {}
            Ok(Some(partial)) => failures.push(partial),
            Err(failure) => failures.push(failure),
        }
    }
    failures
}

/// Prints the facts of one trace. What they do not cover is returned.
fn show(source: &Source, sites: Option<u32>, json: bool) -> Result<Option<Failure>, Failure> {
    let spinner = progress::spinner(format!("{source}: reading"));
    let facts = Facts::of(source, |events| spinner.set_position(events));
    let facts = facts.and_then(|mut facts| {
        if let Some(most) = sites {
            facts.add_sites(source, most, |events| spinner.set_position(events))?;
        }
        Ok(facts)
    });
    spinner.finish_and_clear();
    let facts = facts?;
    let text = if json {
        facts.to_json()
    } else {
        facts.to_string()
    };
    output::print(&format!("{text}\n"))?;
    Ok(facts.cut().map(|why| {
        Failure::about(
            source,
            format!("{why}; only the events before that are shown"),
        )
    }))
}
