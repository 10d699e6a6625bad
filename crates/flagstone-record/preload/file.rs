//! The spool file: created once, opened again for a moment whenever it grows.
//!
//! No descriptor is kept: programs close descriptors they do not know, and then get the same
//! number for a file of their own.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU64, Ordering};

use crate::format::{COMMAND_LIMIT, FILE_MAGIC, PAGE, head};
use crate::sys;

/// The longest path of a spool file with its final zero byte.
const PATH_LIMIT: usize = 4096;

/// Path of a file in the spool folder. Spool files are `<pid>-<start>.spool`.
pub(crate) struct Path {
    bytes: [u8; PATH_LIMIT],
    len: usize,
}

impl Path {
    /// Path of a new spool file. `None` when it is too long.
    pub(crate) fn of_spool(folder: &CStr, start_ns: u64) -> Option<Self> {
        let mut path = Self::of(folder, b"")?;
        path.push_number(pid())?;
        path.push(b"-")?;
        path.push_number(start_ns)?;
        path.push(b".spool")?;
        Some(path)
    }

    /// Path of the file `name` in `folder`. `None` when it is too long.
    pub(crate) fn of(folder: &CStr, name: &[u8]) -> Option<Self> {
        let mut path = Self {
            bytes: [0; PATH_LIMIT],
            len: 0,
        };
        path.push(folder.to_bytes())?;
        path.push(b"/")?;
        path.push(name)?;
        Some(path)
    }

    fn push(&mut self, text: &[u8]) -> Option<()> {
        let end = self.len + text.len();
        // The last byte stays zero.
        let place = self
            .bytes
            .get_mut(self.len..end)
            .filter(|_| end < PATH_LIMIT)?;
        place.copy_from_slice(text);
        self.len = end;
        Some(())
    }

    fn push_number(&mut self, number: u64) -> Option<()> {
        if number > 9 {
            self.push_number(number / 10)?;
        }
        self.push(&[b'0' + (number % 10) as u8])
    }

    fn as_ptr(&self) -> *const c_char {
        self.bytes.as_ptr().cast()
    }
}

/// An open file that is closed when dropped.
struct File(c_int);

impl File {
    fn open(path: *const c_char, flags: c_int) -> Result<Self, c_int> {
        // SAFETY: the callers pass C strings; the mode is used only when a file is made.
        let fd = unsafe { sys::open(path, flags | sys::O_CLOEXEC, 0o600) };
        if fd < 0 {
            Err(sys::errno())
        } else {
            Ok(Self(fd))
        }
    }

    /// Makes room on the disk for `len` bytes from `offset`, so that no later write can fail.
    fn reserve(&self, offset: u64, len: u64) -> Result<(), c_int> {
        let mut limit = sys::Rlimit {
            current: 0,
            maximum: 0,
        };
        // SAFETY: `limit` is valid for the write.
        let known = unsafe { sys::getrlimit(sys::RLIMIT_FSIZE, &raw mut limit) } == 0;
        if known && offset + len > limit.current {
            // Trying it would send the program a signal.
            return Err(sys::EFBIG);
        }
        // SAFETY: the call takes numbers only.
        match unsafe { sys::posix_fallocate(self.0, offset as i64, len as i64) } {
            0 => Ok(()),
            error => Err(error),
        }
    }

    /// Maps `len` reserved bytes from `offset`, shared with the file.
    fn map(&self, offset: u64, len: u64) -> Result<NonNull<c_void>, c_int> {
        let (protection, flags) = (sys::PROT_READ_WRITE, sys::MAP_SHARED);
        let nowhere = ptr::null_mut();
        // SAFETY: without a fixed address the mapping overlaps nothing.
        let memory = unsafe {
            sys::mmap(
                nowhere,
                len as usize,
                protection,
                flags,
                self.0,
                offset as i64,
            )
        };
        mapped(memory)
    }

    fn read(&self, into: &mut [u8]) -> usize {
        // SAFETY: the pointer and the length are those of one slice.
        let read = unsafe { sys::read(self.0, into.as_mut_ptr().cast(), into.len()) };
        usize::try_from(read).unwrap_or(0)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), c_int> {
        // SAFETY: the pointer and the length are those of one slice.
        let written =
            unsafe { sys::pwrite(self.0, bytes.as_ptr().cast(), bytes.len(), offset as i64) };
        if written == bytes.len() as isize {
            Ok(())
        } else {
            Err(sys::errno())
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the descriptor is this value's own.
        unsafe { sys::close(self.0) };
    }
}

/// Makes the file with its head and the program's command line. Answers the mapped head and where
/// the first segment may start.
pub(crate) fn create(
    path: &Path,
    start_ns: u64,
    orders: [(usize, u64); 2],
) -> Result<(*mut AtomicU64, u64), c_int> {
    if page_size() > PAGE {
        // Parts of the file are mapped at multiples of PAGE.
        return Err(sys::ENOMEM);
    }
    let file = File::open(path.as_ptr(), sys::O_RDWR | sys::O_CREAT | sys::O_EXCL)?;
    file.reserve(0, PAGE + COMMAND_LIMIT)?;
    let memory = file.map(0, PAGE)?;
    let command_len = copy_command(&file)?;
    let head = memory.cast::<AtomicU64>();
    let set = |index: usize, value: u64, ordering| {
        // SAFETY: the head is a page long, aligned, and mapped for as long as the process lives.
        unsafe { head.add(index).as_ref() }.store(value, ordering);
    };
    set(head::PID, pid(), Ordering::Relaxed);
    set(head::PARENT, parent(), Ordering::Relaxed);
    set(head::START_NS, start_ns, Ordering::Relaxed);
    let unix_s = sys::clock_ns(sys::CLOCK_REALTIME) / 1_000_000_000;
    set(head::START_UNIX_S, unix_s, Ordering::Relaxed);
    set(head::COMMAND_LEN, command_len, Ordering::Relaxed);
    for (index, value) in orders {
        set(index, value, Ordering::Relaxed);
    }
    // Release: the merger in another process believes the other words when it sees this one.
    set(head::MAGIC, FILE_MAGIC, Ordering::Release);
    Ok((head.as_ptr(), PAGE + command_len.next_multiple_of(PAGE)))
}

/// Copies the process's command line behind the head. Answers its length, cut at the limit.
fn copy_command(file: &File) -> Result<u64, c_int> {
    let Ok(command) = File::open(c"/proc/self/cmdline".as_ptr(), sys::O_RDONLY) else {
        return Ok(0);
    };
    let mut len = 0;
    let mut piece = [0; 4096];
    while len < COMMAND_LIMIT {
        let read = command.read(&mut piece);
        if read == 0 {
            break;
        }
        file.write_at(&piece[..read], PAGE + len)?;
        len += read as u64;
    }
    Ok(len.min(COMMAND_LIMIT))
}

/// Maps the first page of an existing file, shared with all processes that do.
pub(crate) fn map_page(path: &Path) -> Option<NonNull<AtomicU64>> {
    let file = File::open(path.as_ptr(), sys::O_RDWR).ok()?;
    file.map(0, PAGE).ok().map(NonNull::cast)
}

/// Reads the file `path` piece by piece until `each` has enough.
pub(crate) fn read_pieces(path: &CStr, mut each: impl FnMut(&[u8]) -> bool) {
    let Ok(file) = File::open(path.as_ptr(), sys::O_RDONLY) else {
        return;
    };
    let mut piece = [0; 1024];
    loop {
        let read = file.read(&mut piece);
        if read == 0 || each(&piece[..read]) {
            return;
        }
    }
}

/// Adds `len` bytes to the file at `end` and maps them.
pub(crate) fn grow(path: &Path, end: u64, len: u64) -> Result<NonNull<c_void>, c_int> {
    let file = File::open(path.as_ptr(), sys::O_RDWR)?;
    file.reserve(end, len)?;
    let memory = file.map(end, len)?;
    // SAFETY: the memory was just mapped. Kernels that do not know the advice refuse it, and the
    // pages come one by one.
    unsafe { sys::madvise(memory.as_ptr(), len as usize, sys::MADV_POPULATE_WRITE) };
    Ok(memory)
}

/// Private zeroed memory of `len` bytes.
pub(crate) fn private(len: usize) -> Option<NonNull<c_void>> {
    let (protection, flags) = (sys::PROT_READ_WRITE, sys::MAP_PRIVATE_ANONYMOUS);
    // SAFETY: without a fixed address the mapping overlaps nothing.
    let memory = unsafe { sys::mmap(ptr::null_mut(), len, protection, flags, -1, 0) };
    mapped(memory).ok()
}

/// Private zeroed memory of `len` bytes that a forked child finds zeroed again.
pub(crate) fn wiped_on_fork(len: usize) -> Option<NonNull<c_void>> {
    let memory = private(len)?;
    // SAFETY: the memory was just mapped and nothing is in it yet.
    let advised = unsafe { sys::madvise(memory.as_ptr(), len, sys::MADV_WIPEONFORK) };
    (advised == 0).then_some(memory)
}

fn mapped(memory: *mut c_void) -> Result<NonNull<c_void>, c_int> {
    const FAILED: usize = usize::MAX;
    match NonNull::new(memory) {
        Some(memory) if memory.addr().get() != FAILED => Ok(memory),
        _ => Err(sys::errno()),
    }
}

fn pid() -> u64 {
    // SAFETY: the call has no preconditions and cannot fail.
    unsafe { sys::getpid() as u64 }
}

/// Process id of the parent.
pub(crate) fn parent() -> u64 {
    // SAFETY: the call has no preconditions and cannot fail.
    unsafe { sys::getppid() as u64 }
}

/// Bytes in a page of memory.
pub(crate) fn page_size() -> u64 {
    // SAFETY: the call takes a number.
    unsafe { sys::sysconf(sys::SC_PAGESIZE) as u64 }
}
