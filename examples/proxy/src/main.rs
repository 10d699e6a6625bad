//! See `flagstone-proxy --help`, and `README.md`.

use std::{
    env, fs,
    process::{self, ExitCode},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use bytesize::ByteSize;
use clap::Parser;
use flagstone_proxy::{
    args::{Args, Command, CompareArgs, Limits, Load, MeasureArgs, Mode, RunArgs},
    memory::{Budgeted, Memory},
    plot::{csv, line, parse, svg},
    proxy::Proxy,
    scenario::{Sample, Scenario},
};

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Run(args) => run(&args),
        Command::Compare(args) => compare(&args),
        Command::Measure(args) => measure(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flagstone-proxy: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The memory that was asked for.
fn budgeted(limits: &Limits) -> Result<Budgeted> {
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    Budgeted::new(
        bytes(limits.budget.as_u64()),
        bytes(limits.per_connection()),
    )
}

fn run(args: &RunArgs) -> Result<()> {
    let memory = Memory::Budget(budgeted(&args.limits)?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(async {
        let proxy = Proxy::bind(args.listen, args.to, memory).await?;
        println!(
            "{} to {}, within {}",
            proxy.address()?,
            args.to,
            args.limits.budget
        );
        proxy.run().await;
        Ok(())
    })
}

/// A process for each mode, so that neither has the other's memory.
fn compare(args: &CompareArgs) -> Result<()> {
    // What is wrong is said once, and not by a child.
    budgeted(&args.limits)?;
    scenario(&args.load)?;
    fs::create_dir_all(&args.out)
        .with_context(|| format!("{} cannot be written to", args.out.display()))?;
    let mut runs = Vec::new();
    for mode in Mode::ALL {
        let samples = child(mode, args)?;
        let most = samples.iter().map(|sample| sample.resident).max();
        let end = samples.last().map_or(0.0, |last| last.seconds);
        println!(
            "{:<10} at most {:>10} resident, {} in {end:.1} s",
            mode.name(),
            ByteSize(most.unwrap_or(0)).to_string(),
            args.load.size,
        );
        runs.push((mode, samples));
    }
    let budget = args.limits.budget.as_u64();
    for (name, text) in [
        ("memory.csv", csv(&runs)),
        ("memory.svg", svg(&runs, budget)?),
    ] {
        let path = args.out.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

fn child(mode: Mode, args: &CompareArgs) -> Result<Vec<Sample>> {
    let own = env::current_exe().context("this program does not find itself")?;
    let Load {
        connections,
        size,
        rate,
    } = args.load;
    let number = |bytes: u64| format!("{bytes}B");
    let output = process::Command::new(own)
        .args(["measure", "--mode", mode.name()])
        .args(["--connections", &connections.to_string()])
        .args(["--size", &number(size.as_u64())])
        .args(["--rate", &number(rate.as_u64())])
        .args(["--budget", &number(args.limits.budget.as_u64())])
        .args(["--per-connection", &number(args.limits.per_connection())])
        .stderr(process::Stdio::inherit())
        .output()
        .context("the measured process cannot be started")?;
    ensure!(
        output.status.success(),
        "the measurement of {} failed",
        mode.name()
    );
    let text = String::from_utf8(output.stdout)?;
    let samples: Option<_> = text.lines().map(parse).collect();
    samples.context("the measured process says something else than samples")
}

fn measure(args: &MeasureArgs) -> Result<()> {
    let memory = match args.mode {
        Mode::Budget => Memory::Budget(budgeted(&args.limits)?),
        Mode::Unbounded => Memory::Unbounded,
    };
    scenario(&args.load)?.run(memory, |sample| {
        println!("{}", line(&sample));
        Ok(())
    })
}

fn scenario(load: &Load) -> Result<Scenario> {
    let connections = u64::from(load.connections);
    let bytes = load.size.as_u64() / connections;
    ensure!(
        bytes > 0,
        "{} is nothing for {connections} sources",
        load.size
    );
    ensure!(
        load.rate.as_u64() > 0,
        "a sink that takes 0 bytes a second never ends"
    );
    Ok(Scenario {
        connections: connections as usize,
        bytes,
        rate: load.rate.as_u64(),
        every: Duration::from_millis(20),
    })
}
