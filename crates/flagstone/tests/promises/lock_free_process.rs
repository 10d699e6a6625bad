//! A `LockFreePool` in a process that was forked, and in one that may not use the barrier it relies
//! on. Each test runs itself again as a process of its own.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "forks, and forbids system calls")]

use std::{
    env,
    process::Command,
    sync::{Arc, Barrier},
    thread,
};

use flagstone::LockFreePool;
use flagstone_testkit::threads::scope;

/// Set where a test runs in a process of its own.
const CHILD: &str = "FLAGSTONE_TEST_PROCESS";

fn apart(name: &str, body: impl FnOnce()) {
    apart_from(&format!("lock_free_process::{name}"), body);
}

/// Runs the test `path` again in another process, where it calls `body`, which must come to its end.
pub(super) fn apart_from(path: &str, body: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let output = Command::new(env::current_exe().expect("a test is a program"))
        .args(["--exact", path, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("a test can be started");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
}

/// Takes and returns every slot in several threads; all are found wherever they were left.
fn every_slot_goes_round(pool: &LockFreePool<usize>) {
    let capacity = pool.capacity();
    for _ in 0..50 {
        scope(|scope| {
            for thread in 0..2 {
                scope.spawn(move || {
                    for n in 0..1000 {
                        assert_eq!(*pool.alloc(thread + n).unwrap(), thread + n);
                    }
                });
            }
        });
        let handles: Vec<_> = (0..capacity).map(|n| pool.alloc(n).unwrap()).collect();
        assert!(handles.iter().enumerate().all(|(n, handle)| **handle == n));
        pool.alloc(0).unwrap_err();
    }
}

/// From now on `membarrier` is refused to this thread and those it starts.
#[cfg(target_arch = "x86_64")]
pub(super) fn forbid_membarrier() {
    const LOAD_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

    let statement = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let refused = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    let mut filter = [
        statement(LOAD_NUMBER, 0, 0, 0),
        statement(JUMP_EQUAL, 0, 1, libc::SYS_membarrier as u32),
        statement(RETURN, 0, 0, refused),
        statement(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: numbers only.
    let no_more = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(no_more, 0);
    let mode = libc::SECCOMP_MODE_FILTER;
    // SAFETY: the program is read during the call.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) };
    assert_eq!(set, 0, "seccomp filters can be set");
}

#[cfg(target_arch = "x86_64")]
#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn without_the_barrier_both_sides_pass_a_full_one() {
    apart("without_the_barrier_both_sides_pass_a_full_one", || {
        forbid_membarrier();
        every_slot_goes_round(&LockFreePool::new(200));
    });
}

#[cfg(target_arch = "x86_64")]
#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn a_barrier_that_is_forbidden_later_is_not_relied_on() {
    apart("a_barrier_that_is_forbidden_later_is_not_relied_on", || {
        let pool = LockFreePool::new(64);
        let handles: Vec<_> = (0..64).map(|n| pool.alloc(n).unwrap()).collect();
        let (freed, end) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let other = thread::spawn({
            let (freed, end) = (Arc::clone(&freed), Arc::clone(&end));
            let mut handles = handles;
            move || {
                handles.truncate(1);
                freed.wait();
                end.wait();
                handles
            }
        });
        freed.wait();
        forbid_membarrier();
        // What the other thread has at hand cannot be had; nothing is had twice.
        let mine: Vec<_> = std::iter::from_fn(|| pool.alloc(0).ok()).collect();
        assert!(mine.len() < 64);
        drop(mine);
        end.wait();
        let last = other.join().unwrap();
        // That thread left its slots to others.
        let all: Vec<_> = std::iter::from_fn(|| pool.alloc(0).ok()).collect();
        assert_eq!(all.len(), 63);
        // The end of the pool cannot be waited for: its memory stays, its values are good.
        drop(pool);
        drop(all);
        assert_eq!(*last[0], 0);
        // Before leak checkers look.
        // SAFETY: leaves at once.
        unsafe { libc::_exit(0) };
    });
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn a_forked_process_finds_what_idle_threads_had_at_hand() {
    apart(
        "a_forked_process_finds_what_idle_threads_had_at_hand",
        || {
            let pool = Arc::new(LockFreePool::new(100));
            let (idle, end) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
            let other = thread::spawn({
                let (pool, idle, end) = (Arc::clone(&pool), Arc::clone(&idle), Arc::clone(&end));
                move || {
                    drop((0..100).map(|n| pool.alloc(n).unwrap()).collect::<Vec<_>>());
                    idle.wait();
                    end.wait();
                }
            });
            idle.wait();
            let works = || {
                let all: Vec<_> = std::iter::from_fn(|| pool.alloc(7).ok()).collect();
                all.len() == 100
            };
            // SAFETY: the other thread is idle and holds no lock; the child uses the pool and leaves.
            let child = unsafe { libc::fork() };
            if child == 0 {
                let code = i32::from(!works());
                // SAFETY: leaves at once.
                unsafe { libc::_exit(code) };
            }
            assert!(child > 0);
            let mut status = 0;
            // SAFETY: room for the status.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0);
            assert!(works());
            end.wait();
            other.join().unwrap();
        },
    );
}
