//! Finds the program and checks, before it runs, that it can be recorded.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, ReadCache, ReadRef};

use crate::RecordError;
use crate::error::Kind;

/// As deep as the kernel follows scripts that name scripts.
const SCRIPT_DEPTH: usize = 5;
/// As much of a script's first line as the kernel reads.
const SCRIPT_LINE: u64 = 256;

/// Finds `program` and refuses what the recorder cannot be loaded into.
pub(crate) fn find(program: &OsStr) -> Result<PathBuf, RecordError> {
    let missing = |_| RecordError::from(Kind::ProgramNotFound(program.into()));
    let path = which::which(program).map_err(missing)?;
    check(&path, SCRIPT_DEPTH)?;
    Ok(path)
}

fn check(path: &Path, depth: usize) -> Result<(), RecordError> {
    let unreadable = |error| RecordError::from(Kind::UnreadableProgram(path.into(), error));
    let file = File::open(path).map_err(unreadable)?;
    if gains_privileges(path, &file).map_err(unreadable)? {
        return Err(Kind::PrivilegedProgram(path.into()).into());
    }
    let mut start = Vec::new();
    (&file)
        .take(4)
        .read_to_end(&mut start)
        .map_err(unreadable)?;
    if start == elf::ELFMAG {
        return check_elf(path, &ReadCache::new(file));
    }
    if !start.starts_with(b"#!") || depth == 0 {
        return Err(Kind::NotAProgram(path.into()).into());
    }
    let mut line = start[2..].to_vec();
    BufReader::new(file)
        .take(SCRIPT_LINE)
        .read_until(b'\n', &mut line)
        .map_err(unreadable)?;
    let interpreter = line
        .trim_ascii()
        .split(|byte| byte.is_ascii_whitespace())
        .next();
    match interpreter {
        Some(name) if !name.is_empty() => check(Path::new(OsStr::from_bytes(name)), depth - 1),
        _ => Err(Kind::NotAProgram(path.into()).into()),
    }
}

fn check_elf<'data>(path: &Path, data: impl ReadRef<'data>) -> Result<(), RecordError> {
    // A 32-bit program fails to parse as a 64-bit one.
    let foreign = |_| RecordError::from(Kind::ForeignProgram(path.into()));
    let header = FileHeader64::<Endianness>::parse(data).map_err(foreign)?;
    let endian = header.endian().map_err(foreign)?;
    if header.e_machine(endian) != MACHINE {
        return Err(Kind::ForeignProgram(path.into()).into());
    }
    let broken = |_| RecordError::from(Kind::NotAProgram(path.into()));
    for segment in header.program_headers(endian, data).map_err(broken)? {
        if let Some(loader) = segment.interpreter(endian, data).map_err(broken)? {
            let loader = String::from_utf8_lossy(loader);
            return match Path::new(&*loader).file_name() {
                Some(name) if name.as_bytes().starts_with(b"ld-musl") => {
                    Err(Kind::ForeignLibc(path.into(), loader.into_owned()).into())
                }
                _ => Ok(()),
            };
        }
    }
    Err(Kind::StaticProgram(path.into()).into())
}

/// The processor that the recorder is built for.
const MACHINE: elf::Machine = if cfg!(target_arch = "x86_64") {
    elf::EM_X86_64
} else if cfg!(target_arch = "aarch64") {
    elf::EM_AARCH64
} else {
    elf::EM_RISCV
};

/// Whether executing the file changes the user, the group or the capabilities. The system ignores
/// `LD_PRELOAD` then.
fn gains_privileges(path: &Path, file: &File) -> std::io::Result<bool> {
    const SET_USER: u32 = 0o4000;
    const SET_GROUP: u32 = 0o2010;
    let metadata = file.metadata()?;
    let user = rustix::process::geteuid();
    let other_user = metadata.mode() & SET_USER != 0 && metadata.uid() != user.as_raw();
    let other_group = metadata.mode() & SET_GROUP == SET_GROUP
        && metadata.gid() != rustix::process::getegid().as_raw();
    let capabilities = !user.is_root()
        && rustix::fs::getxattr(path, "security.capability", &mut [0u8; 64]).is_ok();
    Ok(other_user || other_group || capabilities)
}
