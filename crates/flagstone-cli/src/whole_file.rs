//! Files that appear only when they are complete.

use std::io::{BufWriter, Write};
use std::path::Path;

use tempfile::Builder;

use crate::Failure;

/// Writes the file at `path` by `write`, beside its place, and moves it there when it is complete. An
/// older file is replaced then, and stays after a failure.
pub(crate) fn write<T>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let about = |error: std::io::Error| Failure::about(path.display(), error);
    if path.is_dir() {
        return Err(about(std::io::ErrorKind::IsADirectory.into()));
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = Builder::new();
    builder.prefix(".flagstone-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What the umask leaves of it, as for any new file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(about)?;
    let mut buffered = BufWriter::new(&mut file);
    let result = write(&mut buffered)?;
    buffered.flush().map_err(about)?;
    drop(buffered);
    file.persist(path).map_err(|error| about(error.error))?;
    Ok(result)
}
