//! Where and with what a report was made.

use std::{fmt, process::Command, time::SystemTime};

use anyhow::{Context as _, Result};
use cargo_lock::Lockfile;
use sysinfo::{CpuRefreshKind, System};

/// The lock file the benchmarks were built with.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// Machine, system, compiler, versions and date.
#[derive(Debug)]
pub struct Environment {
    cpu: String,
    cores: usize,
    system: String,
    library: String,
    load: f64,
    date: String,
    rivals: String,
}

impl Environment {
    /// Asks the machine and the lock file, the latter for the versions of `packages`.
    ///
    /// # Errors
    ///
    /// When the lock file the program was built with is not one.
    pub fn observe(packages: &[&str]) -> Result<Self> {
        let mut system = System::new();
        system.refresh_cpu_list(CpuRefreshKind::nothing());
        let cpu = system.cpus().first().map_or("unknown", |cpu| cpu.brand());
        Ok(Self {
            cpu: cpu.to_owned(),
            cores: system.cpus().len(),
            system: System::kernel_long_version(),
            library: c_library(),
            load: System::load_average().one,
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            rivals: versions(packages)?,
        })
    }
}

/// The C library, whose allocator is the system's.
fn c_library() -> String {
    let version = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let version = version.ok().filter(|output| output.status.success());
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok());
    version.map_or_else(|| "C library unknown".to_owned(), |it| it.trim().to_owned())
}

/// `name version` of each of these packages that is locked.
fn versions(wanted: &[&str]) -> Result<String> {
    let lock: Lockfile = LOCK
        .parse()
        .context("cannot read the Cargo.lock of this build")?;
    let packages = lock.packages.iter();
    let rivals = packages.filter(|package| wanted.contains(&package.name.as_str()));
    let named: Vec<_> = rivals
        .map(|rival| format!("{} {}", rival.name, rival.version))
        .collect();
    Ok(named.join(", "))
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "- machine: {}, {} cores online", self.cpu, self.cores)?;
        writeln!(
            f,
            "- system: {}, {}, {}",
            self.system,
            std::env::consts::ARCH,
            self.library
        )?;
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
