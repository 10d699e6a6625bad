//! Tests that need a process of their own.

use std::{env, process::Command};

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
