//! The C functions and constants that the recorder needs, declared for 64-bit Linux with glibc.

#![allow(missing_docs, reason = "each is documented by its manual page")]

use core::ffi::{c_char, c_int, c_long, c_uint, c_void};

pub(crate) const O_RDONLY: c_int = 0;
pub(crate) const O_RDWR: c_int = 2;
pub(crate) const O_CREAT: c_int = 0o100;
pub(crate) const O_EXCL: c_int = 0o200;
pub(crate) const O_CLOEXEC: c_int = 0o200_0000;
pub(crate) const PROT_READ_WRITE: c_int = 1 | 2;
pub(crate) const MAP_SHARED: c_int = 1;
pub(crate) const MAP_PRIVATE_ANONYMOUS: c_int = 2 | 0x20;
pub(crate) const MADV_WIPEONFORK: c_int = 18;
pub(crate) const MADV_POPULATE_WRITE: c_int = 23;
pub(crate) const CLOCK_REALTIME: c_int = 0;
pub(crate) const CLOCK_MONOTONIC: c_int = 1;
pub(crate) const SIG_BLOCK: c_int = 0;
pub(crate) const SIG_SETMASK: c_int = 2;
pub(crate) const RLIMIT_FSIZE: c_uint = 1;
pub(crate) const RLIMIT_STACK: c_uint = 3;
pub(crate) const ESRCH: c_int = 3;
pub(crate) const EFBIG: c_int = 27;
pub(crate) const ENOMEM: c_int = 12;
pub(crate) const ENAMETOOLONG: c_int = 36;
pub(crate) const ENOSYS: c_int = 38;
pub(crate) const SC_PAGESIZE: c_int = 30;
/// `RTLD_NEXT`: the definition after the one of the calling library.
pub(crate) const RTLD_NEXT: *mut c_void = usize::MAX as *mut c_void;

#[repr(C)]
pub(crate) struct Timespec {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: c_long,
}

#[repr(C)]
pub(crate) struct Rlimit {
    pub(crate) current: u64,
    pub(crate) maximum: u64,
}

/// `sigset_t`: 1,024 bits.
#[repr(C)]
pub(crate) struct SignalSet([u64; 16]);

impl SignalSet {
    pub(crate) const EMPTY: Self = Self([0; 16]);
    pub(crate) const FULL: Self = Self([u64::MAX; 16]);
}

unsafe extern "C" {
    pub(crate) fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
    pub(crate) fn getenv(name: *const c_char) -> *const c_char;
    pub(crate) fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
    pub(crate) fn close(fd: c_int) -> c_int;
    pub(crate) fn read(fd: c_int, buffer: *mut c_void, len: usize) -> isize;
    pub(crate) fn pwrite(fd: c_int, buffer: *const c_void, len: usize, offset: i64) -> isize;
    pub(crate) fn posix_fallocate(fd: c_int, offset: i64, len: i64) -> c_int;
    pub(crate) fn mmap(
        address: *mut c_void,
        len: usize,
        protection: c_int,
        flags: c_int,
        fd: c_int,
        offset: i64,
    ) -> *mut c_void;
    pub(crate) fn munmap(address: *mut c_void, len: usize) -> c_int;
    pub(crate) fn madvise(address: *mut c_void, len: usize, advice: c_int) -> c_int;
    fn readlink(path: *const c_char, buffer: *mut c_char, len: usize) -> isize;
    pub(crate) fn strncmp(left: *const c_char, right: *const c_char, len: usize) -> c_int;
    pub(crate) fn getrlimit(resource: c_uint, limit: *mut Rlimit) -> c_int;
    pub(crate) fn getpid() -> c_int;
    pub(crate) fn getppid() -> c_int;
    pub(crate) fn sysconf(name: c_int) -> c_long;
    pub(crate) fn sched_yield() -> c_int;
    pub(crate) fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
    pub(crate) fn pthread_sigmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    pub(crate) fn pthread_key_create(
        key: *mut c_uint,
        destructor: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> c_int;
    pub(crate) fn pthread_getspecific(key: c_uint) -> *mut c_void;
    pub(crate) fn pthread_setspecific(key: c_uint, value: *const c_void) -> c_int;
    fn __errno_location() -> *mut c_int;
    pub(crate) static environ: *const *const c_char;
}

/// The calling thread's `errno`.
pub(crate) fn errno() -> c_int {
    // SAFETY: the C library answers with the valid address of the calling thread's own variable.
    unsafe { *__errno_location() }
}

/// Sets the calling thread's `errno`.
pub(crate) fn set_errno(error: c_int) {
    // SAFETY: as in `errno`.
    unsafe { *__errno_location() = error };
}

/// Where the link at `path` leads; empty if that cannot be told.
pub(crate) fn read_link<'a>(path: &core::ffi::CStr, buffer: &'a mut [u8]) -> &'a [u8] {
    // SAFETY: the path is a C string, and the pointer and the length are those of one slice.
    let len = unsafe { readlink(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(len)
        .ok()
        .and_then(|len| buffer.get(..len))
        .unwrap_or(&[])
}

/// How far the first thread's stack may grow. The system keeps at least 128 MiB free for it, whatever the
/// limit was when the program started and is now.
pub(crate) fn stack_limit() -> usize {
    let mut limit = Rlimit {
        current: 0,
        maximum: 0,
    };
    // SAFETY: `limit` is valid for the write.
    unsafe { getrlimit(RLIMIT_STACK, &raw mut limit) };
    limit.current.min(128 << 20) as usize
}

/// Nanoseconds of a clock that every Linux has.
pub(crate) fn clock_ns(clock: c_int) -> u64 {
    let mut time = Timespec {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: `time` is valid for the write, and the call keeps no pointer to it.
    unsafe { clock_gettime(clock, &raw mut time) };
    time.seconds as u64 * 1_000_000_000 + time.nanoseconds as u64
}

/// The state in which a thread is left alone: its signals are held back and its `errno` is kept.
///
/// The recorder's slow paths take a lock and make system calls; a signal handler that allocates
/// must not come in between, and the program must not see the calls' errors.
pub(crate) struct Undisturbed {
    signals: SignalSet,
    errno: c_int,
}

impl Undisturbed {
    pub(crate) fn begin() -> Self {
        let errno = errno();
        let (all, mut signals) = (SignalSet::FULL, SignalSet::EMPTY);
        // SAFETY: both sets are valid for the call, which keeps no pointer to them.
        unsafe { pthread_sigmask(SIG_BLOCK, &raw const all, &raw mut signals) };
        Self { signals, errno }
    }
}

impl Drop for Undisturbed {
    fn drop(&mut self) {
        // SAFETY: the set is the one that `begin` was given, and no old set is asked for.
        unsafe { pthread_sigmask(SIG_SETMASK, &raw const self.signals, core::ptr::null_mut()) };
        set_errno(self.errno);
    }
}
