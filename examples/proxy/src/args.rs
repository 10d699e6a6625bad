//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use bytesize::ByteSize;
use clap::{Parser, Subcommand, ValueEnum};

/// A TCP proxy whose memory stays within a budget, however slow the other side is
#[derive(Debug, Parser)]
#[command(name = "flagstone-proxy", version)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Pass connections on to a server, until it is stopped
    Run(RunArgs),
    /// Send through a proxy to a slow sink, with a budget and without, and plot the memory
    Compare(CompareArgs),
    /// One half of `compare`: samples as lines on standard output
    #[command(hide = true)]
    Measure(MeasureArgs),
}

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The server's address
    #[arg(long)]
    pub to: SocketAddr,
    /// How much memory
    #[command(flatten)]
    pub limits: Limits,
}

/// How much memory.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Limits {
    /// Bytes of all connections together
    #[arg(long, default_value = "64MiB")]
    pub budget: ByteSize,
    /// Bytes of one connection each way; an eighth of the budget unless given
    #[arg(long)]
    pub per_connection: Option<ByteSize>,
}

impl Limits {
    /// Bytes of one connection each way.
    #[must_use]
    pub fn per_connection(&self) -> u64 {
        self.per_connection
            .map_or(self.budget.as_u64() / 8, |bytes| bytes.as_u64())
    }
}

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
pub struct CompareArgs {
    /// Where `memory.csv` and `memory.svg` are written
    #[arg(long, default_value = ".")]
    pub out: PathBuf,
    /// What is sent
    #[command(flatten)]
    pub load: Load,
    /// How much memory
    #[command(flatten)]
    pub limits: Limits,
}

/// What is sent, and how fast it is taken.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Load {
    /// Sources
    #[arg(long, default_value = "8", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub connections: u16,
    /// Bytes that all sources send together
    #[arg(long, default_value = "512MiB")]
    pub size: ByteSize,
    /// Bytes a second that the sink takes
    #[arg(long, default_value = "128MiB")]
    pub rate: ByteSize,
}

/// Arguments of the hidden `measure`.
#[derive(Debug, clap::Args)]
pub struct MeasureArgs {
    /// Where bytes wait
    #[arg(long, value_enum)]
    pub mode: Mode,
    /// What is sent
    #[command(flatten)]
    pub load: Load,
    /// How much memory
    #[command(flatten)]
    pub limits: Limits,
}

/// Where bytes wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// In blocks under a budget
    Budget,
    /// In as many buffers as it takes
    Unbounded,
}

impl Mode {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Budget, Self::Unbounded];

    /// Its name, as it is given.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Unbounded => "unbounded",
        }
    }
}
