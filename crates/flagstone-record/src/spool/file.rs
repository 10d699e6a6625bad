//! One spool file: whose it is and which segments it has.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flagstone_trace::Sampling;

use super::format::{
    COMMAND_LIMIT, FILE_MAGIC, LIMIT_REACHED, PAGE, SEGMENT_HEAD, SEGMENT_MAGIC, SITES, WORD, head,
    segment, time_ns,
};
use crate::{RecordError, Stopped};

/// The records of one process image.
#[derive(Debug)]
pub struct Spool {
    pub(super) file: File,
    path: PathBuf,
    head: [u64; head::WORDS],
    command: Vec<String>,
    segments: Vec<Segment>,
    /// Those that hold call sites.
    sites: Vec<Segment>,
}

/// A segment that has records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    /// The recorder's number of its thread.
    pub(crate) thread: u64,
    /// Its place among the segments of its thread.
    pub(crate) sequence: u64,
    /// Time of its first record.
    pub(crate) first_ns: u64,
    /// Where its records start in the file.
    pub(crate) offset: u64,
    /// Bytes of its records.
    pub(crate) len: u64,
}

/// The spool files in `folder`, by the start of their recordings. Files that are not (yet) spools
/// are left out.
///
/// # Errors
///
/// The folder or a file cannot be read.
pub fn processes(folder: &Path) -> Result<Vec<Spool>, RecordError> {
    let mut spools = Vec::new();
    for entry in fs::read_dir(folder).map_err(RecordError::spool(folder))? {
        let path = entry.map_err(RecordError::spool(folder))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "spool")
        {
            spools.extend(Spool::open(&path).map_err(RecordError::spool(&path))?);
        }
    }
    spools.sort_by_key(|spool| (spool.head[head::START_NS], spool.pid()));
    Ok(spools)
}

impl Spool {
    /// `None` when the file has no whole head: the process died while making it.
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        if len < PAGE {
            return Ok(None);
        }
        let head: [u64; head::WORDS] = read_words(&file, 0)?;
        if head[head::MAGIC] != FILE_MAGIC || head[head::COMMAND_LEN] > COMMAND_LIMIT {
            return Ok(None);
        }
        let mut command = vec![0; head[head::COMMAND_LEN] as usize];
        file.read_exact_at(&mut command, PAGE)?;
        let start = PAGE + head[head::COMMAND_LEN].next_multiple_of(PAGE);
        let (sites, segments) = segments(&file, start, len)?
            .into_iter()
            .partition(|s| s.thread == SITES);
        let command = split_command(&command);
        Ok(Some(Self {
            file,
            path: path.into(),
            head,
            command,
            segments,
            sites,
        }))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.head[head::PID] as u32
    }

    /// Process id of the parent at the time of the first event.
    #[must_use]
    pub fn parent_pid(&self) -> u32 {
        self.head[head::PARENT] as u32
    }

    /// Start of the recording in seconds since 1970.
    #[must_use]
    pub fn start_unix_s(&self) -> u64 {
        self.head[head::START_UNIX_S]
    }

    /// The program and its arguments as the system knew them at the first event.
    #[must_use]
    pub fn command(&self) -> &[String] {
        &self.command
    }

    /// Bytes of records.
    #[must_use]
    pub fn record_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len).sum()
    }

    /// Why recording stopped before the process ended.
    #[must_use]
    pub fn stopped(&self) -> Option<Stopped> {
        match self.head[head::STOPPED] {
            0 => None,
            LIMIT_REACHED => Some(Stopped::Limit),
            error => Some(Stopped::Failure(io::Error::from_raw_os_error(error as i32))),
        }
    }

    /// How the sample was taken, if only a sample was recorded.
    #[must_use]
    pub fn sampling(&self) -> Option<Sampling> {
        Sampling::every(self.head[head::SAMPLE])
    }

    /// The most return addresses kept of a call; 0 without call sites.
    #[must_use]
    pub fn stack_depth(&self) -> u32 {
        self.head[head::DEPTH] as u32
    }

    pub(crate) fn has_sites(&self) -> bool {
        self.head[head::DEPTH] != 0
    }

    /// The words of all call sites.
    pub(crate) fn site_words(&self) -> io::Result<Vec<u64>> {
        let mut words = Vec::new();
        for segment in &self.sites {
            let mut bytes = vec![0; segment.len as usize];
            self.file.read_exact_at(&mut bytes, segment.offset)?;
            let (whole, _) = bytes.as_chunks::<{ WORD as usize }>();
            words.extend(whole.iter().map(|&word| u64::from_ne_bytes(word)));
        }
        Ok(words)
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

/// Walks from segment head to segment head.
fn segments(file: &File, mut offset: u64, file_len: u64) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    while offset + SEGMENT_HEAD <= file_len {
        let head: [u64; segment::WORDS] = read_words(file, offset)?;
        let (len, used) = (head[segment::LEN], head[segment::USED]);
        let whole = head[segment::MAGIC] == SEGMENT_MAGIC
            && (SEGMENT_HEAD..=file_len - offset).contains(&len)
            && (SEGMENT_HEAD..=len).contains(&used);
        if !whole {
            // Room that was made for a segment before the process died.
            break;
        }
        if used > SEGMENT_HEAD {
            let offset = offset + SEGMENT_HEAD;
            let [first] = read_words(file, offset)?;
            segments.push(Segment {
                thread: head[segment::THREAD],
                sequence: head[segment::SEQUENCE],
                first_ns: time_ns(first),
                offset,
                len: used - SEGMENT_HEAD,
            });
        }
        offset += len;
    }
    Ok(segments)
}

fn read_words<const N: usize>(file: &File, offset: u64) -> io::Result<[u64; N]> {
    let mut words = [[0; WORD as usize]; N];
    file.read_exact_at(words.as_flattened_mut(), offset)?;
    Ok(words.map(u64::from_ne_bytes))
}

/// Arguments end with a zero byte; the last may have been cut.
fn split_command(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes
        .split(|&byte| byte == 0)
        .map(|arg| String::from_utf8_lossy(arg).into_owned())
        .collect()
}
