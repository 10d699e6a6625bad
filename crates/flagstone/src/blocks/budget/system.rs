//! What the system says of memory: limits, use, stalls. Linux; elsewhere nothing is found.
//!
//! Files are those of `proc(5)` and of the kernel's documentation of control groups and of pressure stall
//! information. Whatever cannot be read or understood is left out.

extern crate std;

use alloc::string::String;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the system's files are.
const ROOT: &str = "/";

/// Bytes that the process may have, if anything says so.
pub(super) fn limit() -> Option<u64> {
    limit_at(Path::new(ROOT))
}

/// What is known of the memory that the process may have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Signs {
    /// Bytes in use that cannot be dropped at once, and how many are allowed: of the group that is nearest to
    /// its limit, which may be one that others share, or of the machine.
    pub(super) used: Option<u64>,
    pub(super) limit: Option<u64>,
    /// Percent of the last 10 seconds in which some task waited for memory, and in which all did.
    pub(super) some: Option<f32>,
    pub(super) full: Option<f32>,
    /// How often the group, or one above it, was throttled, since it is there.
    pub(super) throttled: u64,
    /// How often they had their limits, or were short of memory.
    pub(super) hit: u64,
}

/// What is known now.
pub(super) fn signs() -> Signs {
    signs_at(Path::new(ROOT))
}

fn read(root: &Path, file: &str) -> Option<String> {
    fs::read_to_string(root.join(file)).ok()
}

fn limit_at(root: &Path) -> Option<u64> {
    let machine = read(root, "proc/meminfo").and_then(|text| kilobytes(&text, "MemTotal:"));
    let addresses = read(root, "proc/self/limits").and_then(|text| address_space(&text));
    let group = Group::find(root).and_then(|group| group.limit());
    [machine, addresses, group].into_iter().flatten().min()
}

fn signs_at(root: &Path) -> Signs {
    let group = Group::find(root);
    let stalls = group
        .as_ref()
        .and_then(|group| group.read("memory.pressure"));
    let stalls = stalls.or_else(|| read(root, "proc/pressure/memory"));
    let stall = |which| stalls.as_deref().and_then(|text| stall(text, which));
    let event = |name| group.as_ref().map_or(0, |group| group.events(name));
    let (used, limit) = match group.as_ref().and_then(Group::fullest) {
        Some((used, limit)) => (used, Some(limit)),
        // No group is limited: then the machine is.
        None => {
            let text = read(root, "proc/meminfo");
            let line = |name| text.as_deref().and_then(|text| kilobytes(text, name));
            let total = line("MemTotal:");
            let free = line("MemAvailable:");
            (
                total
                    .zip(free)
                    .map(|(total, free)| total.saturating_sub(free)),
                total,
            )
        }
    };
    Signs {
        used,
        limit,
        some: stall("some"),
        full: stall("full"),
        throttled: event("high"),
        hit: event("max").saturating_add(event("oom")),
    }
}

/// The control group of the process.
struct Group {
    /// Its folder, below that of all groups.
    folder: PathBuf,
    top: PathBuf,
    first: bool,
}

impl Group {
    fn find(root: &Path) -> Option<Self> {
        let text = read(root, "proc/self/cgroup")?;
        let all = root.join("sys/fs/cgroup");
        // Version 1 has a folder for memory, and a machine with both has its limits there.
        let (top, path, first) = match (version_1(&text), version_2(&text)) {
            (Some(path), _) => (all.join("memory"), path, true),
            (None, Some(path)) => (all, path, false),
            (None, None) => return None,
        };
        let folder = top.join(path.trim_start_matches('/'));
        // In a container the path may be that of the host, and the group is the top that is seen here.
        let folder = if folder.is_dir() { folder } else { top.clone() };
        Some(Self { folder, top, first })
    }

    fn read(&self, file: &str) -> Option<String> {
        read(&self.folder, file)
    }

    /// The smallest limit of it and of those above it.
    fn limit(&self) -> Option<u64> {
        self.folders()
            .filter_map(|folder| self.limit_of(folder))
            .min()
    }

    /// It and those above it.
    fn folders(&self) -> impl Iterator<Item = &Path> {
        let folders = self.folder.ancestors();
        folders.take_while(|at| at.starts_with(&self.top))
    }

    fn limit_of(&self, folder: &Path) -> Option<u64> {
        let files: &[&str] = if self.first {
            &["memory.limit_in_bytes", "memory.soft_limit_in_bytes"]
        } else {
            &["memory.max", "memory.high"]
        };
        let texts = files.iter().filter_map(|file| read(folder, file));
        texts.filter_map(|text| bounded(&text)).min()
    }

    /// What is used and allowed where most of what is allowed is used.
    fn fullest(&self) -> Option<(Option<u64>, u64)> {
        let limited = self.folders().filter_map(|folder| {
            let limit = self.limit_of(folder)?;
            Some((self.used_of(folder), limit))
        });
        limited.max_by(|(used, limit), (other_used, other_limit)| {
            let product = |used: &Option<u64>, limit: &u64| {
                u128::from(used.unwrap_or(0)) * u128::from(*limit)
            };
            product(used, other_limit).cmp(&product(other_used, limit))
        })
    }

    /// What a group uses, without files that can be read again.
    fn used_of(&self, folder: &Path) -> Option<u64> {
        let (file, name) = if self.first {
            ("memory.usage_in_bytes", "total_inactive_file")
        } else {
            ("memory.current", "inactive_file")
        };
        let used: u64 = read(folder, file)?.trim().parse().ok()?;
        let stat = read(folder, "memory.stat");
        let dropped = stat.and_then(|text| entry(&text, name));
        Some(used.saturating_sub(dropped.unwrap_or(0)))
    }

    /// How often it had an event, with all below it; or one above it, because of its own limit.
    fn events(&self, name: &str) -> u64 {
        let mut folders = self.folders();
        let own = folders.next().map(|folder| (folder, "memory.events"));
        let above = folders.map(|folder| (folder, "memory.events.local"));
        let files = own.into_iter().chain(above);
        let texts = files.filter_map(|(folder, file)| read(folder, file));
        let counts = texts.filter_map(|text| entry(&text, name));
        counts.fold(0, u64::saturating_add)
    }
}

/// The path of the process in the one hierarchy of version 2.
fn version_2(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

/// Its path in the hierarchy of version 1 that has memory.
fn version_1(text: &str) -> Option<&str> {
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let controllers = fields.nth(1)?;
        let memory = controllers
            .split(',')
            .any(|controller| controller == "memory");
        fields.next().filter(|_| memory)
    })
}

/// A limit in bytes; `None` for none. Version 1 says a number next to 2^63 then.
fn bounded(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < 1 << 62)
}

/// The number behind `name`, in lines of a name and a number.
fn entry(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (key, number) = line.split_once(' ')?;
        (key == name).then(|| number.trim().parse().ok())?
    })
}

/// The bytes behind `name`, in lines of a name and a number of kilobytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    number.checked_mul(1024)
}

/// The soft limit of addresses in `/proc/self/limits`; `None` for none.
fn address_space(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The percentage of ten seconds in the line `which` of a pressure file.
fn stall(text: &str, which: &str) -> Option<f32> {
    let line = text.lines().find_map(|line| line.strip_prefix(which))?;
    let field = line
        .split_whitespace()
        .find_map(|field| field.strip_prefix("avg10="))?;
    field.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the system's files, gone with it.
    struct Fixture(PathBuf);

    impl Fixture {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let folder = std::env::temp_dir();
            let folder = folder.join(std::format!("flagstone-{name}-{}", std::process::id()));
            for (file, text) in files {
                let file = folder.join(file);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, text).unwrap();
            }
            Self(folder)
        }
    }

    impl Drop for Fixture {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    const MEMINFO: &str =
        "MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:    4000000 kB\n";
    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n\
        Max cpu time              unlimited            unlimited            seconds\n\
        Max address space         5000000000           unlimited            bytes\n";

    #[test]
    #[cfg_attr(miri, ignore = "files")]
    fn version_2_with_the_groups_above() {
        let system = Fixture::new(
            "cgroup-2",
            &[
                ("proc/meminfo", MEMINFO),
                ("proc/self/cgroup", "0::/a/b\n"),
                ("sys/fs/cgroup/a/memory.max", "3000000000\n"),
                ("sys/fs/cgroup/a/memory.high", "max\n"),
                ("sys/fs/cgroup/a/b/memory.max", "max\n"),
                ("sys/fs/cgroup/a/memory.current", "2000000000\n"),
                (
                    "sys/fs/cgroup/a/memory.stat",
                    "anon 5\ninactive_file 500000000\n",
                ),
                ("sys/fs/cgroup/a/b/memory.current", "7\n"),
                (
                    "sys/fs/cgroup/a/b/memory.events",
                    "low 0\nhigh 7\nmax 3\noom 1\noom_kill 0\n",
                ),
                (
                    "sys/fs/cgroup/a/b/memory.pressure",
                    "some avg10=12.50 avg60=1.00 avg300=0.10 total=9\n\
                     full avg10=3.25 avg60=0.00 avg300=0.00 total=4\n",
                ),
            ],
        );
        assert_eq!(limit_at(&system.0), Some(3_000_000_000));
        let signs = Signs {
            used: Some(1_500_000_000),
            limit: Some(3_000_000_000),
            some: Some(12.5),
            full: Some(3.25),
            throttled: 7,
            hit: 4,
        };
        assert_eq!(signs_at(&system.0), signs);
    }

    /// What others use of a limit that is shared is seen, and when they reach it.
    #[test]
    #[cfg_attr(miri, ignore = "files")]
    fn a_group_above_is_fuller() {
        let system = Fixture::new(
            "cgroup-above",
            &[
                ("proc/meminfo", MEMINFO),
                ("proc/self/cgroup", "0::/a/b\n"),
                ("sys/fs/cgroup/a/memory.max", "3000000000\n"),
                ("sys/fs/cgroup/a/memory.current", "2900000000\n"),
                ("sys/fs/cgroup/a/memory.stat", "inactive_file 100000000\n"),
                ("sys/fs/cgroup/a/memory.events", "high 100\nmax 100\n"),
                ("sys/fs/cgroup/a/memory.events.local", "high 0\nmax 5\n"),
                ("sys/fs/cgroup/a/b/memory.max", "1000000000\n"),
                ("sys/fs/cgroup/a/b/memory.current", "10000000\n"),
                ("sys/fs/cgroup/a/b/memory.events", "high 2\nmax 1\noom 0\n"),
            ],
        );
        assert_eq!(limit_at(&system.0), Some(1_000_000_000));
        let signs = signs_at(&system.0);
        assert_eq!(
            (signs.used, signs.limit),
            (Some(2_800_000_000), Some(3_000_000_000))
        );
        assert_eq!((signs.throttled, signs.hit), (2, 6));
    }

    #[test]
    #[cfg_attr(miri, ignore = "files")]
    fn version_1_and_a_limit_of_addresses() {
        let system = Fixture::new(
            "cgroup-1",
            &[
                ("proc/meminfo", MEMINFO),
                ("proc/self/limits", LIMITS),
                (
                    "proc/self/cgroup",
                    "5:cpu,cpuacct:/x\n4:memory:/job\n0::/\n",
                ),
                (
                    "sys/fs/cgroup/memory/memory.limit_in_bytes",
                    "9223372036854771712\n",
                ),
                (
                    "sys/fs/cgroup/memory/job/memory.limit_in_bytes",
                    "6000000000\n",
                ),
                ("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "700\n"),
                (
                    "sys/fs/cgroup/memory/job/memory.stat",
                    "total_inactive_file 100\n",
                ),
            ],
        );
        assert_eq!(limit_at(&system.0), Some(5_000_000_000), "of addresses");
        let signs = signs_at(&system.0);
        assert_eq!((signs.used, signs.limit), (Some(600), Some(6_000_000_000)));
        assert_eq!((signs.some, signs.hit), (None, 0));
    }

    #[test]
    #[cfg_attr(miri, ignore = "files")]
    fn no_group_is_limited() {
        let system = Fixture::new(
            "machine",
            &[
                ("proc/meminfo", MEMINFO),
                ("proc/self/cgroup", "0::/of/the/host\n"),
            ],
        );
        assert_eq!(limit_at(&system.0), Some(16_000_000 * 1024));
        let signs = signs_at(&system.0);
        assert_eq!(signs.used, Some(12_000_000 * 1024));
        assert_eq!(signs.limit, Some(16_000_000 * 1024));
    }

    #[test]
    fn nonsense_is_nothing() {
        for text in [
            "",
            "\n",
            "0:",
            "max",
            "some",
            "some avg10=",
            "MemTotal:",
            "high x",
            "::::",
            "-5",
        ] {
            assert_eq!(bounded(text), None);
            assert_eq!(entry(text, "high"), None);
            assert_eq!(kilobytes(text, "MemTotal:"), None);
            assert_eq!(address_space(text), None);
            assert_eq!(stall(text, "some"), None);
            assert_eq!((version_1(text), version_2(text)), (None, None));
        }
        assert_eq!(
            kilobytes("MemTotal: 18446744073709551615 kB", "MemTotal:"),
            None
        );
        assert_eq!(limit_at(Path::new("/nowhere")), None);
        assert_eq!(signs_at(Path::new("/nowhere")), Signs::default());
    }
}
