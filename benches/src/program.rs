//! The command line that the benchmarks have in common.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::{
    race::Settings,
    report::{Environment, Page, Table},
    suite::Event,
};

/// A benchmark: its events, and where their report lives.
#[derive(Debug)]
pub struct Program {
    /// As cargo calls it.
    pub name: &'static str,
    /// What it measures, in a sentence.
    pub about: &'static str,
    /// The heading of its report.
    pub title: &'static str,
    /// How it is run, for who reads the report.
    pub command: &'static str,
    /// The report that `--write` writes.
    pub report: &'static str,
    /// The packages whose versions the report names.
    pub packages: &'static [&'static str],
    /// Its events, or a quick suite of them.
    pub events: fn(bool) -> Vec<Event>,
}

#[derive(Parser)]
struct Args {
    /// Only events whose name contains this (see --list).
    filter: Option<String>,
    /// Few short windows and fewer values: to see that everything runs, not to quote.
    #[arg(long)]
    quick: bool,
    /// Write the report instead of printing it; without a path, to the one in docs.
    #[arg(long, value_name = "PATH", num_args = 0..=1)]
    #[arg(conflicts_with_all = ["quick", "filter"])]
    write: Option<Option<PathBuf>>,
    /// Name the events and stop.
    #[arg(long)]
    list: bool,
    /// What cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Program {
    /// Runs the events that the command line names, and prints or writes the report.
    ///
    /// # Errors
    ///
    /// When no event has such a name, or the report cannot be made or written.
    pub fn run(&self) -> Result<()> {
        let command = Args::command().name(self.name).about(self.about);
        let args = Args::from_arg_matches(&command.get_matches())?;
        let filter = args.filter.as_deref().unwrap_or_default();
        let mut events = (self.events)(args.quick);
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
        let environment = Environment::observe(self.packages)?;
        let tables = events.iter().map(|event| {
            eprintln!("{}", event.slug);
            Table::new(event, event.run(settings))
        });
        let page = Page {
            title: self.title,
            command: self.command,
            environment,
            settings,
            tables: tables.collect(),
        };
        match args.write {
            Some(path) => page.write(&path.unwrap_or_else(|| self.report.into())),
            None => {
                print!("{page}");
                Ok(())
            }
        }
    }
}
