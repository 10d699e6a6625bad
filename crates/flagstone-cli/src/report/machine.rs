//! On what a replay ran.

use std::fmt;
use std::fs;
use std::thread;

use serde::{Deserialize, Serialize};

/// The machine and the system, as far as they tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Threads that can run at once.
    pub threads: u32,
    /// Memory in bytes; 0 if unknown.
    pub memory_bytes: u64,
    /// The operating system and its version.
    pub system: String,
    /// The kind of processor that the command was compiled for.
    pub target: String,
    /// The compiler that compiled the command.
    pub compiler: String,
}

impl Machine {
    /// The one that this process runs on.
    #[must_use]
    pub fn here() -> Self {
        Self {
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            threads: thread::available_parallelism().map_or(1, |threads| threads.get() as u32),
            memory_bytes: memory_bytes().unwrap_or(0),
            system: system(),
            target: std::env::consts::ARCH.to_owned(),
            compiler: env!("FLAGSTONE_RUSTC").to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            processor,
            threads,
            system,
            ..
        } = self;
        let plural = if *threads == 1 { "" } else { "s" };
        write!(f, "{processor}, {threads} thread{plural} at once, {system}")
    }
}

fn memory_bytes() -> Option<u64> {
    let line = field("/proc/meminfo", "MemTotal")?;
    let kib: u64 = line.strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kib * 1024)
}

/// What stands behind `name` and a colon.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut rows = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = rows.find(|(what, _)| what.trim_end() == name)?;
    Some(value.trim().to_owned())
}

#[cfg(unix)]
fn system() -> String {
    let name = rustix::system::uname();
    let [system, release] = [name.sysname(), name.release()].map(|word| word.to_string_lossy());
    format!("{system} {release}")
}

#[cfg(not(unix))]
fn system() -> String {
    std::env::consts::OS.to_owned()
}
