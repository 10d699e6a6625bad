//! Runs the events and prints, or writes, the report.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;
use flagstone_benches::{
    race::Settings,
    report::{Environment, Page, Table},
    suite::events,
};

/// Where the report lives.
const REPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/perf.md");

/// Flagstone's pools against their floors and their rivals.
#[derive(Parser)]
#[command(name = "pools")]
struct Args {
    /// Only events whose name contains this (see --list).
    filter: Option<String>,
    /// Few short windows and fewer slabs: to see that everything runs, not to quote.
    #[arg(long)]
    quick: bool,
    /// Write the report instead of printing it; without a path, to docs/perf.md.
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = REPORT)]
    #[arg(conflicts_with_all = ["quick", "filter"])]
    write: Option<PathBuf>,
    /// Name the events and stop.
    #[arg(long)]
    list: bool,
    /// What cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let filter = args.filter.as_deref().unwrap_or_default();
    let mut events = events(args.quick);
    events.retain(|event| event.slug.contains(filter));
    ensure!(
        !events.is_empty(),
        "no event's name contains `{filter}`; --list names them"
    );
    if args.list {
        events.iter().for_each(|event| println!("{}", event.slug));
        return Ok(());
    }
    let settings = if args.quick {
        Settings::QUICK
    } else {
        Settings::FULL
    };
    // Asked first: the load that counts is the one before the race, which adds its own.
    let environment = Environment::observe()?;
    let tables = events.iter().map(|event| {
        eprintln!("{}", event.slug);
        Table::new(event, event.run(settings))
    });
    let page = Page {
        environment,
        settings,
        tables: tables.collect(),
    };
    match args.write {
        Some(path) => page.write(&path),
        None => {
            print!("{page}");
            Ok(())
        }
    }
}
