//! The recordings that are part of the command.

/// A recording of a real program, embedded so that an installed command has something to replay.
#[derive(Debug)]
pub struct Bundled {
    /// What it is called in tables.
    pub name: &'static str,
    /// The trace.
    pub bytes: &'static [u8],
}

/// Embeds the recordings of these names.
macro_rules! bundled {
    ($($name:literal),+ $(,)?) => {
        &[$(Bundled {
            name: $name,
            bytes: include_bytes!(concat!("../recordings/", $name, ".flagtrace")),
        }),+]
    };
}

/// Every bundled recording; `recordings/README.md` says of what they are and how they were made.
pub static BUNDLED: &[Bundled] = bundled![
    "python-words",
    "python-threads",
    "git-log",
    "git-pack-threads",
    "c-compiler",
    "sqlite-queries",
    "ripgrep-threads",
];
