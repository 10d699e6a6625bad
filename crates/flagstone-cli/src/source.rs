//! Where a trace comes from: a file or the recordings built into the command.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::PathBuf;

use flagstone_trace::Reader;

use crate::Failure;
use crate::bundled::{BUNDLED, Bundled};

/// A trace that can be read more than once.
///
/// A replay reads it once to learn its shape and once more in every child process, which is why
/// a pipe will not do.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file made by `flagstone record`.
    File(PathBuf),
    /// A recording that is part of the command.
    Bundled(&'static Bundled),
}

/// A reader over either kind of source.
pub type SourceReader = Reader<SourceBytes>;

/// The bytes of either kind of source.
#[derive(Debug)]
pub enum SourceBytes {
    /// Of a file.
    File(BufReader<File>),
    /// Of a recording that is part of the command.
    Bundled(&'static [u8]),
}

impl Read for SourceBytes {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buf),
            Self::Bundled(bytes) => bytes.read(buf),
        }
    }
}

impl Source {
    /// All the recordings built into the command.
    pub fn bundled() -> impl Iterator<Item = Self> {
        BUNDLED.iter().map(Self::Bundled)
    }

    /// The bundled recording of this name.
    #[must_use]
    pub fn bundled_named(name: &str) -> Option<Self> {
        BUNDLED
            .iter()
            .find(|bundled| bundled.name == name)
            .map(Self::Bundled)
    }

    /// Starts reading the trace from its beginning.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not a regular file or does not start like a trace.
    pub fn open(&self) -> Result<SourceReader, Failure> {
        let bytes = match self {
            Self::File(path) => {
                let metadata = fs::metadata(path).map_err(|error| Failure::about(self, error))?;
                if !metadata.is_file() {
                    return Err(Failure::about(
                        self,
                        "this is not a file; give a recorded trace",
                    ));
                }
                let file = File::open(path).map_err(|error| Failure::about(self, error))?;
                SourceBytes::File(BufReader::new(file))
            }
            Self::Bundled(bundled) => SourceBytes::Bundled(bundled.bytes),
        };
        Reader::new(bytes).map_err(|error| Failure::about(self, error))
    }

    /// Size of the trace in bytes.
    ///
    /// # Errors
    ///
    /// If the file's metadata cannot be read.
    pub fn bytes_on_disk(&self) -> Result<u64, Failure> {
        match self {
            Self::File(path) => fs::metadata(path)
                .map(|metadata| metadata.len())
                .map_err(|error| Failure::about(self, error)),
            Self::Bundled(bundled) => Ok(bundled.bytes.len() as u64),
        }
    }

    /// The arguments with which a child process is told to read the same trace.
    pub(crate) fn to_args(&self) -> [OsString; 2] {
        match self {
            Self::File(path) => ["--trace".into(), path.into()],
            Self::Bundled(bundled) => ["--bundled".into(), bundled.name.into()],
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Bundled(bundled) => f.write_str(bundled.name),
        }
    }
}
