//! Tests that need a process of their own, and what a process knows of itself.

use std::{
    env, fs, mem,
    panic::{self, AssertUnwindSafe},
    process::Command,
};

/// Set where a test runs in a process of its own.
const CHILD: &str = "FLAGSTONE_HEAP_TEST_PROCESS";

/// What such a process says when it came to the end of its test.
const END: &str = "[the test came to its end]";

/// The command that runs the test called `name` again, alone; `None` inside of that.
pub(super) fn again(name: &str) -> Option<Command> {
    if env::var_os(CHILD).is_some() {
        return None;
    }
    let mut command = Command::new(env::current_exe().expect("a test is a program"));
    command
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1");
    Some(command)
}

/// Runs the test called `name` again in another process, where it calls `body`, which must come to its
/// end. The heap is the process's: here nobody else uses it.
#[track_caller]
pub(super) fn apart(name: &str, body: impl FnOnce()) {
    let Some(mut command) = again(name) else {
        body();
        println!("{END}");
        return;
    };
    let output = command.output().expect("a test can be started");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let ended = output.status.success() && out.contains(END);
    assert!(ended, "{name}: {}\n{out}\n{err}", output.status);
}

/// Bytes of this process that are in memory.
#[cfg(not(any(flagstone_asan, flagstone_tsan)))]
pub(super) fn resident() -> usize {
    1024 * field("/proc/self/smaps_rollup", "Anonymous:")
}

/// Bytes of addresses that this process has.
pub(super) fn addresses() -> usize {
    1024 * field("/proc/self/status", "VmSize:")
}

fn field(file: &str, name: &str) -> usize {
    let text = fs::read_to_string(file).expect("Linux says it");
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .expect("a number")
}

/// Forks; in the child runs `body` and leaves. The answer is the child's number.
pub(super) fn fork(body: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child runs `body`, which is told what it may use, and leaves.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "a process can be forked");
    if child > 0 {
        return child;
    }
    // One that waits for ever is ended, and seen.
    // SAFETY: a number only.
    unsafe { libc::alarm(30) };
    let ended = panic::catch_unwind(AssertUnwindSafe(body));
    let code = i32::from(ended.is_err());
    mem::forget(ended);
    // SAFETY: leaves at once.
    unsafe { libc::_exit(code) };
}

/// Waits for the child that `fork` answered, which must have come to its end.
#[track_caller]
pub(super) fn ended(child: libc::pid_t) {
    let mut status = 0;
    // SAFETY: room for the status.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!((waited, status), (child, 0), "the child came to its end");
}
