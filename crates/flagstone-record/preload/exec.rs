//! The functions that start programs: a program that gives its child an environment of its own
//! making takes the recorder along all the same.
//!
//! Two variables carry the recording: where the recorder is, and where it writes. Most programs pass
//! their environment on, and nothing is changed then. The functions of the C library that take their
//! arguments one by one (`execl` and kin), `system` and `popen` pass on the process's environment
//! without coming by here.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::format::SPOOL_VARIABLE;
use crate::real::{self, Strings};
use crate::{file, sys};

const PRELOAD: &CStr = c"LD_PRELOAD";
const SPOOL: &CStr = c"FLAGSTONE_SPOOL";
const _: () = assert!(SPOOL.count_bytes() == SPOOL_VARIABLE.len());

/// The longest variable with its name.
const VARIABLE_LIMIT: usize = 4096 + 32;
/// Variables of an environment that are copied on the stack; more need memory of their own.
const ON_STACK: usize = 512;

/// The variables of this process's start, as `NAME=value` with a final zero byte.
struct Variables {
    preload: UnsafeCell<[u8; VARIABLE_LIMIT]>,
    spool: UnsafeCell<[u8; VARIABLE_LIMIT]>,
    known: AtomicBool,
}

// SAFETY: the buffers are written once, before `known` is set, by the thread that starts a recording.
unsafe impl Sync for Variables {}

static VARIABLES: Variables = Variables {
    preload: UnsafeCell::new([0; VARIABLE_LIMIT]),
    spool: UnsafeCell::new([0; VARIABLE_LIMIT]),
    known: AtomicBool::new(false),
};

/// Remembers the variables. The caller is the one thread that starts the recording. A forked child
/// knows them from its parent.
pub(crate) fn remember() {
    if VARIABLES.known.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: this thread alone writes them, and nobody reads them before `known` is set.
    let buffers = unsafe { [&mut *VARIABLES.preload.get(), &mut *VARIABLES.spool.get()] };
    let whole = [PRELOAD, SPOOL]
        .into_iter()
        .zip(buffers)
        .all(|(name, buffer)| copy(name, buffer));
    // Release: pairs with the Acquire load in `ours`.
    VARIABLES.known.store(whole, Ordering::Release);
}

/// Copies the variable `name` with its value.
fn copy(name: &CStr, buffer: &mut [u8; VARIABLE_LIMIT]) -> bool {
    // SAFETY: the name is a C string.
    let value = unsafe { sys::getenv(name.as_ptr()) };
    if value.is_null() {
        return false;
    }
    // SAFETY: an environment variable is a C string.
    let value = unsafe { CStr::from_ptr(value) }.to_bytes();
    let parts = [name.to_bytes(), b"=", value];
    let mut end = 0;
    for part in parts {
        let Some(place) = buffer[..VARIABLE_LIMIT - 1].get_mut(end..end + part.len()) else {
            return false;
        };
        place.copy_from_slice(part);
        end += part.len();
    }
    true
}

/// The variables that a child must have, with the length of their names; `None` without a recording.
fn ours() -> Option<[(*const c_char, usize); 2]> {
    let pointer = |buffer: &UnsafeCell<[u8; VARIABLE_LIMIT]>| buffer.get().cast_const().cast();
    // Acquire: pairs with the Release store in `remember`.
    VARIABLES.known.load(Ordering::Acquire).then(|| {
        [
            (pointer(&VARIABLES.preload), PRELOAD.count_bytes() + 1),
            (pointer(&VARIABLES.spool), SPOOL.count_bytes() + 1),
        ]
    })
}

/// Calls `start` with `environment`, completed by what the recording needs.
///
/// # Safety
///
/// `environment` is null or ends with null, and its strings are C strings.
unsafe fn with_environment(environment: Strings, start: impl FnOnce(Strings) -> c_int) -> c_int {
    let Some(ours) = ours() else {
        return start(environment);
    };
    let mut count = 0;
    // SAFETY: the caller's promise; null is an empty environment to the system.
    while !environment.is_null() && unsafe { !(*environment.add(count)).is_null() } {
        count += 1;
    }
    // SAFETY: the first `count` entries were just seen.
    let given = |index: usize| unsafe { *environment.add(index) };
    let has = |(variable, name_len): (*const c_char, usize)| {
        // SAFETY: both are C strings, so the comparison ends at the first difference or zero byte.
        (0..count).any(|index| unsafe { sys::strncmp(given(index), variable, name_len) } == 0)
    };
    let missing = ours.map(|variable| !has(variable));
    if missing == [false; 2] {
        return start(environment);
    }
    let room = count + ours.len() + 1;
    let mut on_stack = [ptr::null::<c_char>(); ON_STACK];
    let apart = (room > ON_STACK).then(|| file::private(room * size_of::<*const c_char>()));
    let entries: &mut [*const c_char] = match apart {
        None => &mut on_stack[..room],
        // SAFETY: the mapping is zeroed, large enough, aligned, and this call's alone.
        Some(Some(memory)) => unsafe {
            core::slice::from_raw_parts_mut(memory.cast().as_ptr(), room)
        },
        Some(None) => return start(environment),
    };
    for (index, entry) in entries[..count].iter_mut().enumerate() {
        *entry = given(index);
    }
    let added = ours.iter().zip(missing).filter(|(_, missing)| *missing);
    for ((variable, _), entry) in added.map(|(ours, _)| ours).zip(&mut entries[count..]) {
        *entry = *variable;
    }
    let result = start(entries.as_ptr());
    if let Some(Some(memory)) = apart {
        // SAFETY: the mapping was made above and nobody else knows it. The call keeps `errno`
        // when it succeeds.
        unsafe { sys::munmap(memory.as_ptr(), room * size_of::<*const c_char>()) };
    }
    result
}

/// The process's own environment.
fn environment() -> Strings {
    // SAFETY: the C library's variable; a program that changes it in another thread meanwhile
    // would confuse the real function as well.
    unsafe { sys::environ }
}

/// What a function answers that the C library does not have.
fn unknown() -> c_int {
    sys::set_errno(sys::ENOSYS);
    -1
}

/// Replaces the process by another program.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execve(path: *const c_char, args: Strings, env: Strings) -> c_int {
    let Some(real) = real::execve() else {
        return unknown();
    };
    // SAFETY: the real function is given what the program gave, and a longer environment.
    unsafe { with_environment(env, |env| real(path, args, env)) }
}

/// As `execve`, with the process's environment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execv(path: *const c_char, args: Strings) -> c_int {
    // SAFETY: the caller's contract is that of `execve`.
    unsafe { execve(path, args, environment()) }
}

/// As `execve`, of a program that is looked up in `PATH`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execvpe(file: *const c_char, args: Strings, env: Strings) -> c_int {
    let Some(real) = real::execvpe() else {
        return unknown();
    };
    // SAFETY: as in `execve`.
    unsafe { with_environment(env, |env| real(file, args, env)) }
}

/// As `execvpe`, with the process's environment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execvp(file: *const c_char, args: Strings) -> c_int {
    // SAFETY: the caller's contract is that of `execvpe`.
    unsafe { execvpe(file, args, environment()) }
}

/// As `execve`, of an open file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fexecve(fd: c_int, args: Strings, env: Strings) -> c_int {
    let Some(real) = real::fexecve() else {
        return unknown();
    };
    // SAFETY: as in `execve`.
    unsafe { with_environment(env, |env| real(fd, args, env)) }
}

/// As `execve`, from an open folder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execveat(
    fd: c_int,
    path: *const c_char,
    args: Strings,
    env: Strings,
    flags: c_int,
) -> c_int {
    let Some(real) = real::execveat() else {
        return unknown();
    };
    // SAFETY: as in `execve`.
    unsafe { with_environment(env, |env| real(fd, path, args, env, flags)) }
}

/// Starts a program in a new process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_spawn(
    pid: *mut c_int,
    path: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
    args: Strings,
    env: Strings,
) -> c_int {
    let Some(real) = real::posix_spawn() else {
        return sys::ENOSYS;
    };
    // SAFETY: as in `execve`.
    unsafe { with_environment(env, |env| real(pid, path, actions, attributes, args, env)) }
}

/// As `posix_spawn`, of a program that is looked up in `PATH`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_spawnp(
    pid: *mut c_int,
    file: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
    args: Strings,
    env: Strings,
) -> c_int {
    let Some(real) = real::posix_spawnp() else {
        return sys::ENOSYS;
    };
    // SAFETY: as in `execve`.
    unsafe { with_environment(env, |env| real(pid, file, actions, attributes, args, env)) }
}
