//! Runs one ordinary program on the global allocator that this was built with, and prints what an
//! operation took in nanoseconds and the most memory that was resident, in KiB.
//!
//! ```text
//! as-global                    names the programs
//! as-global btree-map          runs one: `41.30 9876`
//! ```
//!
//! `benches/as-global.sh` builds it with each allocator and runs them in turn.

use std::{env, time::Instant};

use anyhow::{Context as _, Result};

mod allocator;
mod programs;

use programs::PROGRAMS;

/// Times that a program runs; the fastest counts, which the first, on fresh memory, rarely is.
const RUNS: usize = 7;

fn main() -> Result<()> {
    let Some(wanted) = env::args().nth(1) else {
        PROGRAMS
            .iter()
            .for_each(|program| println!("{}", program.name));
        return Ok(());
    };
    let program = PROGRAMS.iter().find(|program| program.name == wanted);
    let program = program.with_context(|| {
        let known: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
        format!(
            "there is no program `{wanted}`; there are: {}",
            known.join(", ")
        )
    })?;
    let run = |_| {
        let start = Instant::now();
        (program.run)(program.ops);
        start.elapsed().as_secs_f64() * 1e9 / f64::from(program.ops)
    };
    let fastest = (0..RUNS).map(run).fold(f64::INFINITY, f64::min);
    println!("{fastest:.2} {}", peak()?);
    Ok(())
}

/// The most memory that this process had resident so far, in KiB, as Linux tells it.
fn peak() -> Result<u64> {
    const STATUS: &str = "/proc/self/status";
    let status = std::fs::read_to_string(STATUS)
        .with_context(|| format!("cannot read the peak memory from {STATUS}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let size = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    size.with_context(|| format!("{STATUS} has no line `VmHWM: … kB`"))
}
