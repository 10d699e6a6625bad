//! How a process ends while its threads allocate, and what it says until then. Each test runs itself
//! again as a process of its own.
#![expect(unsafe_code, reason = "forks")]

use std::{
    alloc::{GlobalAlloc, Layout},
    collections::HashMap,
    env,
    hint::black_box,
    process::{self, Command, Output},
    ptr,
    sync::mpsc,
    thread,
};

use super::HEAP;

/// Set where a test runs in a process of its own.
const CHILD: &str = "FLAGSTONE_GLOBAL_TEST_PROCESS";

/// Runs the test `name` again in another process, where it calls `body`; what that said and how it ended.
fn apart(name: &str, body: impl FnOnce()) -> Output {
    if env::var_os(CHILD).is_some() {
        body();
        process::exit(0);
    }
    Command::new(env::current_exe().expect("a test is a program"))
        .args(["--exact", &format!("ends::{name}"), "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("a test can be started")
}

fn shown(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    format!("{}\n{out}\n{err}", output.status)
}

/// Threads that allocate, pass on and free until the process ends; they have begun.
fn busy_threads() {
    let (ready, begun) = mpsc::channel();
    for n in 0..4_usize {
        let ready = ready.clone();
        thread::spawn(move || {
            let mut kept = HashMap::new();
            for round in 0.. {
                kept.insert(round % 100, vec![n; 1 + (round * 37) % 5000]);
                if round % 64 == n {
                    let words = kept.clone();
                    // A thread that ends now and then, maybe just when the process does.
                    thread::spawn(move || drop(black_box(words)));
                }
                if round == 100 {
                    ready.send(()).expect("the test waits");
                }
            }
        });
    }
    assert_eq!(begun.iter().take(4).count(), 4);
}

#[test]
fn exit_is_not_held_up_by_threads_that_allocate() {
    for _ in 0..5 {
        let output = apart("exit_is_not_held_up_by_threads_that_allocate", || {
            busy_threads();
            process::exit(7);
        });
        assert_eq!(output.status.code(), Some(7), "{}", shown(&output));
    }
}

#[test]
fn a_test_that_returns_ends_its_process_among_busy_threads() {
    if env::var_os(CHILD).is_some() {
        return busy_threads();
    }
    let name = "a_test_that_returns_ends_its_process_among_busy_threads";
    for _ in 0..5 {
        let output = apart(name, || unreachable!("that is not this process"));
        assert!(output.status.success(), "{}", shown(&output));
    }
}

#[test]
fn everything_that_is_printed_comes_out() {
    let output = apart("everything_that_is_printed_comes_out", || {
        thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for n in 0..500 {
                        println!("line {}", 500 * thread + n);
                    }
                });
            }
        });
    });
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    // On one core the harness begins a line with the test's name, and leaves it to us.
    let numbers = text.lines().filter_map(|line| line.split_once("line "));
    let mut numbers: Vec<_> = numbers.filter_map(|(_, n)| n.parse::<u32>().ok()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..2000), "{}", shown(&output));
}

#[test]
fn a_panic_in_a_thread_shows_where_it_was() {
    #[inline(never)]
    fn here_it_was() -> String {
        let words = vec!["some".to_owned(), "words".to_owned()];
        assert!(black_box(&words).is_empty(), "{} were left", words.len());
        words.concat()
    }
    let name = "a_panic_in_a_thread_shows_where_it_was";
    let output = apart(name, || {
        // SAFETY: no other thread of ours reads the environment now; the harness's waits for us.
        unsafe { env::set_var("RUST_BACKTRACE", "full") };
        let ended = thread::spawn(|| drop(here_it_was())).join();
        process::exit(if ended.is_err() { 3 } else { 4 });
    });
    assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
    let trace = shown(&output);
    assert!(trace.contains("2 were left"), "{trace}");
    assert!(trace.contains("here_it_was"), "{trace}");
}

#[test]
fn no_memory_ends_the_process_with_a_word() {
    let output = apart("no_memory_ends_the_process_with_a_word", || {
        drop(black_box(Vec::<u8>::with_capacity(1 << 60)));
    });
    let shown = shown(&output);
    assert!(!output.status.success(), "{shown}");
    // Aborted, by the standard library.
    assert_eq!(output.status.code(), None, "{shown}");
    assert!(!output.stderr.is_empty(), "{shown}");
}

/// A thread of the system's: the beginning of one of the standard library's takes a lock, which another thread may
/// have held when the process was forked.
fn begin(n: usize) -> libc::pthread_t {
    extern "C" fn answer(n: *mut libc::c_void) -> *mut libc::c_void {
        Box::into_raw(Box::new(vec![n.addr(); 500])).cast()
    }
    let (mut thread, n) = (0, ptr::without_provenance_mut(n));
    // SAFETY: room for the thread's name; the function asks nothing of its argument.
    let begun = unsafe { libc::pthread_create(&raw mut thread, ptr::null(), answer, n) };
    assert_eq!(begun, 0, "a thread can be started");
    thread
}

/// What it answers.
fn end(thread: libc::pthread_t) -> Vec<usize> {
    let mut answer = ptr::null_mut();
    // SAFETY: begun by `begin`, and waited for once.
    let joined = unsafe { libc::pthread_join(thread, &raw mut answer) };
    assert_eq!(joined, 0, "it comes to its end");
    // SAFETY: the thread's answer, a box that it gave up.
    *unsafe { Box::from_raw(answer.cast()) }
}

#[test]
fn a_forked_child_goes_on_with_everything() {
    let output = apart("a_forked_child_goes_on_with_everything", || {
        busy_threads();
        let mut kept: HashMap<_, _> = (0..1000).map(|n| (n, n.to_string())).collect();
        for round in 0..10 {
            // SAFETY: the child allocates, which the heap allows, and leaves.
            let child = unsafe { libc::fork() };
            assert!(child >= 0);
            if child == 0 {
                // One that waits for ever is ended, and seen.
                // SAFETY: a number only.
                unsafe { libc::alarm(200) };
                kept.retain(|n, _| n % 2 == 0);
                kept.extend((1000..2000).map(|n| (n, n.to_string())));
                let mut whole = kept.iter().all(|(n, word)| n.to_string() == *word);
                let answers: Vec<_> = (0..4).map(begin).collect();
                for (n, answer) in answers.into_iter().enumerate() {
                    whole &= end(answer) == [n; 500];
                }
                // SAFETY: leaves at once.
                unsafe { libc::_exit(i32::from(!whole)) };
            }
            kept.insert(5000 + round, (5000 + round).to_string());
            let mut status = 0;
            // SAFETY: room for the status.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0, "round {round}");
        }
    });
    assert!(output.status.success(), "{}", shown(&output));
}

/// What the C library calls when all is over.
#[test]
fn functions_at_the_end_of_the_process_use_the_heap() {
    extern "C" fn at_exit() {
        let words: Vec<_> = (0..1000).map(|n: u32| n.to_string()).collect();
        let layout = Layout::new::<[u64; 1000]>();
        // SAFETY: the size is not 0.
        let block = unsafe { HEAP.alloc(layout) };
        // SAFETY: allocated above.
        unsafe { HEAP.dealloc(block, layout) };
        // Output is closed by now, or not; a word of ours goes straight to the system.
        if words.concat().len() == 2890 && !block.is_null() {
            // SAFETY: the bytes are read during the call.
            unsafe { libc::write(1, c"at the end".as_ptr().cast(), 10) };
        }
    }
    let name = "functions_at_the_end_of_the_process_use_the_heap";
    let output = apart(name, || {
        busy_threads();
        // SAFETY: a function that may be called at any time.
        assert_eq!(unsafe { libc::atexit(at_exit) }, 0);
    });
    assert!(output.status.success(), "{}", shown(&output));
    assert!(output.stdout.ends_with(b"at the end"), "{}", shown(&output));
}

#[test]
fn a_report_is_written_once_at_the_end() {
    let name = "a_report_is_written_once_at_the_end";
    let output = apart(name, || {
        HEAP.report_at_exit();
        busy_threads();
        HEAP.report_at_exit();
        black_box(vec![0_u8; 10 << 20]).leak();
    });
    let text = String::from_utf8(output.stderr.clone()).expect("text");
    let reports = text.matches("bytes mapped").count();
    assert!(
        output.status.success() && reports == 1,
        "{}",
        shown(&output)
    );
    let mut lines = text
        .lines()
        .skip_while(|line| !line.contains("bytes a slot"));
    assert!(lines.next().is_some(), "{}", shown(&output));
    let mapping = lines.find(|line| line.trim_start().starts_with("mappings"));
    assert!(mapping.is_some_and(|line| line.contains(" 1 ")), "{text}");
}

#[test]
fn the_report_that_is_chosen_last_is_written() {
    let name = "the_report_that_is_chosen_last_is_written";
    let output = apart(name, || {
        HEAP.report_at_exit();
        // More than is written at once.
        HEAP.report_at_exit_with(|to| (0..5000).try_for_each(|n| writeln!(to, "report {n}")));
    });
    let text = String::from_utf8(output.stderr.clone()).expect("text");
    let lines = text.lines().filter_map(|line| line.strip_prefix("report "));
    assert!(
        lines.map(str::parse).eq((0..5000).map(Ok::<u32, _>)),
        "{text}"
    );
    assert!(!text.contains("bytes mapped"), "{text}");
}
