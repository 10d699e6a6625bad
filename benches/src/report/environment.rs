//! Where and with what a report was made.

use std::{fmt, time::SystemTime};

use anyhow::{Context as _, Result};
use cargo_lock::Lockfile;
use sysinfo::{CpuRefreshKind, System};

/// The lock file the benchmarks were built with.
const LOCK: &str = include_str!("../../../Cargo.lock");
/// The packages whose versions a reader wants to know.
const RIVALS: &[&str] = &[
    "aegis-memory",
    "attachable-slab-allocator",
    "axiom_mem",
    "blink-alloc",
    "bump-scope",
    "bumpalo",
    "bumpalo-herd",
    "crossbeam-queue",
    "fastalloc",
    "infinity_pool",
    "libmimalloc-sys",
    "lockfree-object-pool",
    "mimalloc",
    "object-pool",
    "opool",
    "plurality",
    "rtrb",
    "sharded-slab",
    "slab",
    "slotmap",
    "thunderdome",
    "typed-arena",
];

/// Machine, system, compiler, versions and date.
#[derive(Debug)]
pub struct Environment {
    cpu: String,
    cores: usize,
    system: String,
    load: f64,
    date: String,
    rivals: String,
}

impl Environment {
    /// Asks the machine and the lock file.
    ///
    /// # Errors
    ///
    /// When the lock file the program was built with is not one.
    pub fn observe() -> Result<Self> {
        let mut system = System::new();
        system.refresh_cpu_list(CpuRefreshKind::nothing());
        let cpu = system.cpus().first().map_or("unknown", |cpu| cpu.brand());
        Ok(Self {
            cpu: cpu.to_owned(),
            cores: system.cpus().len(),
            system: System::kernel_long_version(),
            load: System::load_average().one,
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            rivals: versions()?,
        })
    }
}

/// `name version` of each rival that is locked.
fn versions() -> Result<String> {
    let lock: Lockfile = LOCK
        .parse()
        .context("cannot read the Cargo.lock of this build")?;
    let packages = lock.packages.iter();
    let rivals = packages.filter(|package| RIVALS.contains(&package.name.as_str()));
    let named: Vec<_> = rivals
        .map(|rival| format!("{} {}", rival.name, rival.version))
        .collect();
    Ok(named.join(", "))
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "- machine: {}, {} cores online", self.cpu, self.cores)?;
        writeln!(f, "- system: {}, {}", self.system, std::env::consts::ARCH)?;
        writeln!(f, "- load average of the minute before: {:.1}", self.load)?;
        writeln!(
            f,
            "- compiler: {}, bench profile",
            env!("FLAGSTONE_BENCH_RUSTC")
        )?;
        writeln!(f, "- date: {}", self.date)?;
        writeln!(f, "- rivals: {}", self.rivals)
    }
}
