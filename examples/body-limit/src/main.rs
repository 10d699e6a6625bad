//! See `flagstone-body-limit --help`, and `README.md`.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::{Context, Result};
use bytesize::ByteSize;
use clap::{Parser, ValueEnum};
use flagstone_body_limit::{
    layer::{BodyLimitLayer, Limits, WhenFull},
    server::{listen, serve},
};

/// A server whose request bodies stay within a budget
#[derive(Debug, Parser)]
#[command(name = "flagstone-body-limit", version)]
struct Args {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Bytes of all bodies together
    #[arg(long, default_value = "64MiB")]
    budget: ByteSize,
    /// Bytes of one body
    #[arg(long, default_value = "8MiB")]
    limit: ByteSize,
    /// What becomes of a request when the budget is used up
    #[arg(long, value_enum, default_value = "refuse")]
    when_full: Policy,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// It is answered with 503
    Refuse,
    /// It waits for its turn
    Wait,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flagstone-body-limit: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let bytes = |size: ByteSize| usize::try_from(size.as_u64()).unwrap_or(usize::MAX);
    let layer = BodyLimitLayer::new(Limits {
        budget: bytes(args.budget),
        body: bytes(args.limit),
        when_full: match args.when_full {
            Policy::Refuse => WhenFull::Refuse,
            Policy::Wait => WhenFull::Wait,
        },
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(async {
        let listener = listen(args.listen).await?;
        println!("http://{}", listener.local_addr()?);
        serve(listener, layer).await;
        Ok(())
    })
}
