//! From arguments to a subcommand.

use super::{diff, export, import, info, record, replay};
use crate::Failure;
use crate::args::{Args, Command, ReplayArgs};

/// Does what the command line says. Nothing failed if the list is empty.
#[must_use]
pub fn run(args: Args) -> Vec<Failure> {
    match args
        .command
        .unwrap_or_else(|| Command::Replay(ReplayArgs::default()))
    {
        Command::Record(args) => record::record(args).err().into_iter().collect(),
        Command::Info(args) => info::info(args),
        Command::Import(args) => import::import_file(args)
            .unwrap_or_else(Some)
            .into_iter()
            .collect(),
        Command::Export(args) => export::export(args)
            .unwrap_or_else(Some)
            .into_iter()
            .collect(),
        Command::Replay(args) => replay::replay(args),
        Command::Diff(args) => diff::diff(args).err().into_iter().collect(),
        Command::ReplayOnce(args) => replay::replay_once(args).err().into_iter().collect(),
    }
}
