//! Where traces go: written beside their final place and moved there when all are complete.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use tempfile::{Builder, NamedTempFile, TempDir};

use crate::error::Kind;
use crate::{PRELOAD, RecordError};

/// The files of one recording until it is complete. Dropped before that, nothing stays behind.
#[derive(Debug)]
pub(crate) struct Outputs {
    /// The program's trace, as the user named it.
    path: PathBuf,
    folder: PathBuf,
    spool: TempDir,
    finished: Vec<(NamedTempFile, PathBuf)>,
}

impl Outputs {
    /// Checks that `path` can be written, before the program runs.
    pub(crate) fn at(path: &Path) -> Result<Self, RecordError> {
        if path.is_dir() || path.file_name().is_none() {
            let error = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(RecordError::output(path)(error));
        }
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let folder = fs::canonicalize(parent.unwrap_or(Path::new(".")))
            .map_err(RecordError::output(path))?;
        let spool = Builder::new()
            .prefix(".flagstone-")
            .tempdir_in(&folder)
            .map_err(RecordError::output(path))?;
        Ok(Self {
            path: path.into(),
            folder,
            spool,
            finished: Vec::new(),
        })
    }

    /// The folder for the records of all processes.
    pub(crate) fn spool(&self) -> &Path {
        self.spool.path()
    }

    /// Where the trace of a process goes: of the program itself, or with `mark` of another.
    pub(crate) fn path(&self, mark: Option<&str>) -> PathBuf {
        let Some(mark) = mark else {
            return self.path.clone();
        };
        let mut name = self
            .path
            .file_stem()
            .map_or_else(OsString::new, OsString::from);
        name.push(".");
        name.push(mark);
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }

    /// A file for a trace, readable by those whom the umask allows.
    pub(crate) fn create(&self) -> Result<NamedTempFile, RecordError> {
        Builder::new()
            .prefix(".flagstone-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(&self.folder)
            .map_err(RecordError::output(&self.path))
    }

    /// Takes a whole trace that belongs at `path`.
    pub(crate) fn add(&mut self, trace: NamedTempFile, path: PathBuf) {
        self.finished.push((trace, path));
    }

    /// Moves all traces to their places.
    pub(crate) fn publish(self) -> Result<(), RecordError> {
        for (trace, path) in self.finished {
            trace
                .persist(&path)
                .map_err(|error| RecordError::output(&path)(error.error))?;
        }
        Ok(())
    }
}

/// The recorder as a file that the system's loader can load: removed when dropped.
#[derive(Debug)]
pub(crate) struct LoadableRecorder {
    folder: TempDir,
}

impl LoadableRecorder {
    pub(crate) fn new() -> Result<Self, RecordError> {
        if PRELOAD.is_empty() {
            return Err(Kind::UnsupportedSystem.into());
        }
        let temporary = std::env::temp_dir();
        let unusable = || RecordError::from(Kind::NoLibraryFolder(temporary.clone()));
        if !is_loadable_from(&temporary) {
            return Err(unusable());
        }
        let folder = Builder::new()
            .prefix("flagstone-")
            .tempdir()
            .map_err(|_| unusable())?;
        // Programs that change their user go on loading it.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))
            .and_then(|()| fs::write(folder.path().join(Self::NAME), PRELOAD))
            .map_err(|_| unusable())?;
        Ok(Self { folder })
    }

    const NAME: &str = "libflagstone_record.so";

    /// The value of `LD_PRELOAD` that loads the recorder before what the user loads already.
    pub(crate) fn preload(&self) -> OsString {
        let mut value = self.folder.path().join(Self::NAME).into_os_string();
        if let Some(others) = std::env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
            value.push(":");
            value.push(others);
        }
        value
    }
}

/// Whether the system's loader accepts a path into `folder` and may map a program from there.
fn is_loadable_from(folder: &Path) -> bool {
    // The first two part paths in LD_PRELOAD; the loader expands the last.
    let plain = !folder
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .any(|byte| b" :;$".contains(byte));
    let executable =
        statvfs(folder).is_ok_and(|system| !system.f_flag.contains(StatVfsMountFlags::NOEXEC));
    plain && folder.is_absolute() && executable
}
