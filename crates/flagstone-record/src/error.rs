//! Why a recording failed.

#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;
use std::{error, fmt, io};

use flagstone_trace::TraceError;

/// Why nothing was recorded: one lowercase sentence. No trace was written then.
#[derive(Debug)]
pub struct RecordError(Kind);

#[derive(Debug)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "nothing else fails there")
)]
pub(crate) enum Kind {
    UnsupportedSystem,
    ProgramNotFound(PathBuf),
    UnreadableProgram(PathBuf, io::Error),
    NotAProgram(PathBuf),
    StaticProgram(PathBuf),
    ForeignProgram(PathBuf),
    ForeignLibc(PathBuf, String),
    PrivilegedProgram(PathBuf),
    Output(PathBuf, io::Error),
    NoLibraryFolder(PathBuf),
    Start(PathBuf, io::Error),
    NothingRecorded(PathBuf),
    TooDeep(usize),
    NoCallSites,
    SmallLimit(u64),
    Spool(PathBuf, io::Error),
    Trace(TraceError),
    Interrupted,
}

impl RecordError {
    /// Whether the program does not exist.
    #[must_use]
    pub fn is_program_not_found(&self) -> bool {
        matches!(self.0, Kind::ProgramNotFound(_))
    }

    /// Whether the program is of a kind that cannot be recorded: statically linked, for another
    /// machine or C library, privileged, or no program at all.
    #[must_use]
    pub fn is_unsuitable_program(&self) -> bool {
        matches!(
            self.0,
            Kind::NotAProgram(_)
                | Kind::StaticProgram(_)
                | Kind::ForeignProgram(_)
                | Kind::ForeignLibc(..)
                | Kind::PrivilegedProgram(_)
        )
    }

    /// Whether the program ran but no event of it was recorded, as with a program that brings its
    /// own allocator.
    #[must_use]
    pub fn is_nothing_recorded(&self) -> bool {
        matches!(self.0, Kind::NothingRecorded(_))
    }

    /// Whether the recording was asked for in a way that is not possible: too small a limit, too
    /// deep stacks, or call sites where the C library cannot tell them.
    #[must_use]
    pub fn is_unsuitable_request(&self) -> bool {
        matches!(
            self.0,
            Kind::TooDeep(_) | Kind::NoCallSites | Kind::SmallLimit(_)
        )
    }

    /// Whether the output cannot be written.
    #[must_use]
    pub fn is_output(&self) -> bool {
        matches!(self.0, Kind::Output(..))
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn output(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |error| Kind::Output(path, error).into()
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn spool(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |error| Kind::Spool(path, error).into()
    }
}

impl From<Kind> for RecordError {
    fn from(kind: Kind) -> Self {
        Self(kind)
    }
}

impl From<TraceError> for RecordError {
    fn from(error: TraceError) -> Self {
        Self(Kind::Trace(error))
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::UnsupportedSystem => f.write_str(
                "programs can be recorded only on 64-bit Linux with glibc (x86-64, aarch64, \
                 riscv64); traces can be replayed here",
            ),
            Kind::ProgramNotFound(name) => {
                write!(
                    f,
                    "no program `{}` was found: check its name or PATH",
                    name.display()
                )
            }
            Kind::UnreadableProgram(path, error) => {
                write!(
                    f,
                    "`{}` cannot be examined before it is run: {error}",
                    path.display()
                )
            }
            Kind::NotAProgram(path) => write!(
                f,
                "`{}` is neither an ELF program nor a script that starts with `#!`",
                path.display()
            ),
            Kind::StaticProgram(path) => write!(
                f,
                "`{}` is statically linked: record needs a dynamically linked program",
                path.display()
            ),
            Kind::ForeignProgram(path) => write!(
                f,
                "`{}` is built for another processor than this recorder ({})",
                path.display(),
                std::env::consts::ARCH
            ),
            Kind::ForeignLibc(path, loader) => write!(
                f,
                "`{}` is loaded by `{loader}`: record needs a program linked with glibc",
                path.display()
            ),
            Kind::PrivilegedProgram(path) => write!(
                f,
                "`{}` gains privileges when executed, so the system loads no recorder into it: \
                 record a copy without them",
                path.display()
            ),
            Kind::Output(path, error) => {
                write!(
                    f,
                    "the trace `{}` cannot be written: {error}",
                    path.display()
                )
            }
            Kind::NoLibraryFolder(path) => write!(
                f,
                "the folder for temporary files, `{}`, cannot hold the recorder: set TMPDIR to a \
                 writable folder that allows execution and has no space, colon or semicolon in \
                 its path",
                path.display()
            ),
            Kind::Start(path, error) => {
                write!(f, "`{}` cannot be started: {error}", path.display())
            }
            Kind::NothingRecorded(path) => write!(
                f,
                "nothing was recorded: `{}` never reached the C library's allocator (it may bring \
                 its own), or the recorder could not be loaded or write beside the output",
                path.display()
            ),
            Kind::TooDeep(depth) => write!(
                f,
                "stacks of {depth} return addresses are more than the recorder keeps: give at most \
                 64"
            ),
            Kind::NoCallSites => f.write_str(
                "call sites cannot be recorded with this C library: glibc 2.35 or newer can",
            ),
            Kind::SmallLimit(limit) => write!(
                f,
                "a recording of {limit} bytes has no room for its first events: give at least 65536"
            ),
            Kind::Spool(path, error) => {
                write!(
                    f,
                    "the records in `{}` cannot be read: {error}",
                    path.display()
                )
            }
            Kind::Trace(error) => error.fmt(f),
            Kind::Interrupted => f.write_str("interrupted while the trace was being written"),
        }
    }
}

impl error::Error for RecordError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0 {
            Kind::UnreadableProgram(_, error)
            | Kind::Output(_, error)
            | Kind::Start(_, error)
            | Kind::Spool(_, error) => Some(error),
            Kind::Trace(error) => Some(error),
            _ => None,
        }
    }
}
