//! Blocks that are freed twice, which their owners promised not to do: nobody is held up for ever. Some of it
//! is noticed, and ends the process with a word; that is the handler's business.

use std::{
    alloc::GlobalAlloc, os::unix::process::ExitStatusExt, process::ExitStatus, ptr::NonNull, thread,
};

use super::{
    block::{HEAP, layout},
    process::again,
};

/// Runs the test `name` again in another process, where it calls `body`; how that ended.
fn ends(name: &str, body: fn()) -> ExitStatus {
    let Some(mut command) = again(name) else {
        // One that hangs is ended, and seen.
        // SAFETY: a number only.
        unsafe { libc::alarm(200) };
        body();
        // SAFETY: leaves at once, before anybody looks at a heap that is in disorder.
        unsafe { libc::_exit(0) };
    };
    command.output().expect("a test can be started").status
}

/// It ended by itself: well, or by an abort.
#[track_caller]
fn ended_by_itself(status: ExitStatus) {
    let aborted = status.signal() == Some(libc::SIGABRT);
    assert!(status.success() || aborted, "{status}");
}

const COUNT: usize = 100;

fn blocks() -> Vec<usize> {
    let blocks = (0..COUNT).map(|_| {
        // SAFETY: the size is not 0.
        let at = unsafe { HEAP.alloc(layout(64, 8)) };
        assert!(!at.is_null());
        at.expose_provenance()
    });
    blocks.collect()
}

fn free(blocks: impl IntoIterator<Item = usize>) {
    for block in blocks {
        let at = NonNull::new(std::ptr::with_exposed_provenance_mut(block)).expect("a block");
        // SAFETY: none: some were freed before. The process ends soon, and writes to none of its blocks.
        unsafe { HEAP.free(at) };
    }
}

/// Takes and frees; what is handed out is not written to.
fn goes_on() {
    for _ in 0..20 {
        let taken: Vec<_> = blocks();
        free(taken.into_iter().take(COUNT / 2));
    }
    HEAP.purge();
    let _ = HEAP.stats();
}

#[test]
fn what_another_thread_frees_twice_holds_nobody_up() {
    let name = "heap::misuse::what_another_thread_frees_twice_holds_nobody_up";
    let status = ends(name, || {
        let mine = blocks();
        thread::spawn(move || {
            free(mine.iter().copied());
            free(mine);
        })
        .join()
        .expect("no panic");
        goes_on();
        thread::spawn(goes_on).join().expect("no panic");
    });
    ended_by_itself(status);
}

#[test]
fn what_one_frees_between_two_frees_of_another_holds_nobody_up() {
    let name = "heap::misuse::what_one_frees_between_two_frees_of_another_holds_nobody_up";
    let status = ends(name, || {
        let mine = blocks();
        // First, second, and the first again.
        thread::spawn(move || free([mine[0], mine[1], mine[0], mine[2], mine[1]]))
            .join()
            .expect("no panic");
        goes_on();
    });
    ended_by_itself(status);
}

#[test]
fn what_its_own_thread_frees_twice_holds_nobody_up() {
    let name = "heap::misuse::what_its_own_thread_frees_twice_holds_nobody_up";
    let status = ends(name, || {
        let mine = blocks();
        free([mine[0], mine[0], mine[1], mine[0]]);
        goes_on();
        free(mine.into_iter().skip(2));
        goes_on();
    });
    ended_by_itself(status);
}
