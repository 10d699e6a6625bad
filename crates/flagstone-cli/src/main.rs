//! The `flagstone` command; see `flagstone --help`.

use std::process::ExitCode;

use clap::Parser;
use flagstone_cli::args::Args;
use flagstone_cli::command;

fn main() -> ExitCode {
    let failures = command::run(Args::parse());
    for failure in &failures {
        eprintln!("flagstone: {failure}");
    }
    if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
