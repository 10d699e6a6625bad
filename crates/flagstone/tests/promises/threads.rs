//! Thread numbers are unique, dense and reused; exit hooks run once, last first; both have an answer
//! at any time of a thread's life.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use flagstone::thread::{number, on_exit};
use flagstone_testkit::heap_watch;

/// Numbers are the process's: one test at a time has threads with numbers.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn mine() -> usize {
    number().expect("the thread runs").get()
}

/// The numbers of `count` threads that run at the same time.
fn numbers(count: usize) -> Vec<usize> {
    let barrier = Arc::new(Barrier::new(count));
    let threads: Vec<_> = (0..count)
        .map(|_| {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || {
                let first = mine();
                barrier.wait();
                assert_eq!(mine(), first, "a thread keeps its number");
                first
            })
        })
        .collect();
    threads
        .into_iter()
        .map(|thread| thread.join().expect("no panic"))
        .collect()
}

#[test]
fn numbers_are_unique_dense_and_reused() {
    let _alone = alone();
    for count in [1, 8, 3, 8] {
        let unique: BTreeSet<_> = numbers(count).into_iter().collect();
        assert_eq!(unique, (0..count).collect(), "the lowest free ones");
    }
}

#[test]
fn the_lowest_free_number_comes_first() {
    let _alone = alone();
    // Three threads that end when they are told to.
    let start = |_| {
        let (tell, told) = mpsc::channel::<()>();
        let (send, receive) = mpsc::channel();
        let thread = thread::spawn(move || {
            send.send(mine()).expect("the test waits");
            let _ = told.recv();
        });
        (receive.recv().expect("the thread runs"), tell, thread)
    };
    let mut threads: Vec<_> = (0..3).map(start).collect();
    assert_eq!(
        threads.iter().map(|(n, ..)| *n).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    for at in [1, 0] {
        let (_, tell, thread) = threads.remove(at);
        drop(tell);
        thread.join().expect("no panic");
    }
    assert_eq!(numbers(1), [0]);
    assert_eq!(
        numbers(3).into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from([0, 1, 3])
    );
    let (_, tell, thread) = threads.remove(0);
    drop(tell);
    thread.join().expect("no panic");
}

/// Runs `body` on a thread of its own, with a log; the log after the thread is gone.
fn logged(body: impl FnOnce(Arc<Mutex<Vec<String>>>) + Send + 'static) -> Vec<String> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&log);
    thread::spawn(move || body(theirs))
        .join()
        .expect("no panic");
    let log = log.lock().expect("no panic");
    log.clone()
}

fn note(log: &Mutex<Vec<String>>, what: impl Into<String>) {
    log.lock().expect("no panic").push(what.into());
}

#[test]
fn hooks_run_once_and_the_last_one_first() {
    let _alone = alone();
    let log = logged(|log| {
        for name in ["first", "second", "third"] {
            let theirs = Arc::clone(&log);
            on_exit(move || note(&theirs, name)).expect("the thread runs");
        }
        note(&log, "body");
    });
    assert_eq!(log, ["body", "third", "second", "first"]);
}

#[test]
fn a_hook_may_register_hooks_and_knows_its_number() {
    let _alone = alone();
    let log = logged(|log| {
        let number = mine();
        let outer = Arc::clone(&log);
        on_exit(move || {
            let inner = Arc::clone(&outer);
            let registered = on_exit(move || note(&inner, format!("inner {}", mine() == number)));
            note(
                &outer,
                format!("outer {} {}", mine() == number, registered.is_ok()),
            );
        })
        .expect("the thread runs");
        let last = Arc::clone(&log);
        on_exit(move || note(&last, "last registered")).expect("the thread runs");
    });
    assert_eq!(log, ["last registered", "outer true true", "inner true"]);
}

#[test]
fn a_thread_without_a_number_runs_its_hooks() {
    let _alone = alone();
    let log = logged(|log| {
        on_exit(move || note(&log, "ran")).expect("the thread runs");
    });
    assert_eq!(log, ["ran"]);
    assert_eq!(numbers(1), [0], "no number was used up");
}

#[test]
fn a_thread_that_panics_runs_its_hooks_and_gives_its_number_back() {
    let _alone = alone();
    let (send, receive) = mpsc::channel();
    let thread = thread::spawn(move || {
        on_exit(move || send.send(mine()).expect("the test waits")).expect("the thread runs");
        flagstone_testkit::fuse::blow();
    });
    assert!(thread.join().is_err());
    assert_eq!(receive.recv(), Ok(0));
    assert_eq!(numbers(1), [0]);
}

/// Looks at the thread room when it is destroyed.
struct Witness {
    name: &'static str,
    log: RefCell<Option<Arc<Mutex<Vec<String>>>>>,
    number: Cell<Option<usize>>,
}

impl Witness {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            log: RefCell::new(None),
            number: Cell::new(None),
        }
    }

    fn watch(&self, log: &Arc<Mutex<Vec<String>>>, number: Option<usize>) {
        *self.log.borrow_mut() = Some(Arc::clone(log));
        self.number.set(number);
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let Some(log) = self.log.take() else { return };
        let now = number().map(flagstone::thread::ThreadNumber::get);
        let theirs = Arc::clone(&log);
        let name = self.name;
        match on_exit(move || note(&theirs, "late hook")) {
            Ok(()) => {
                assert_eq!(now, self.number.get().or(now), "a number does not change");
                note(&log, format!("{name} before: {}", now.is_some()));
            }
            Err(exited) => {
                assert_eq!(now, None, "no number without its return");
                note(&log, format!("{name} after"));
                // The hook is not lost.
                exited.into_inner()();
            }
        }
    }
}

thread_local! {
    static EARLY: Witness = const { Witness::new("early") };
    static LATE: Witness = const { Witness::new("late") };
}

/// Thread-locals are destroyed in an order that nobody promises: one touched before the thread room
/// and one touched after it find themselves on its two sides. Both get an answer.
#[test]
fn destructors_on_both_sides_of_the_hooks_have_an_answer() {
    let _alone = alone();
    let mut log = logged(|log| {
        EARLY.with(|early| early.watch(&log, None));
        let number = mine();
        EARLY.with(|early| early.number.set(Some(number)));
        LATE.with(|late| late.watch(&log, Some(number)));
        let ours = Arc::clone(&log);
        on_exit(move || note(&ours, "hook")).expect("the thread runs");
    });
    log.sort_unstable();
    assert_eq!(log.iter().filter(|line| *line == "late hook").count(), 2);
    assert_eq!(log.iter().filter(|line| *line == "hook").count(), 1);
    assert_eq!(
        log.iter()
            .filter(|line| line.ends_with("before: true"))
            .count(),
        1
    );
    assert_eq!(log.iter().filter(|line| line.ends_with("after")).count(), 1);
    assert_eq!(
        numbers(2).into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from([0, 1])
    );
}

/// The first use of the room may be in a destructor: the number is given back all the same.
#[test]
fn the_first_use_may_be_in_a_destructor() {
    let _alone = alone();
    let log = logged(|log| EARLY.with(|early| early.watch(&log, None)));
    assert!(log.contains(&"late hook".to_owned()), "{log:?}");
    assert_eq!(
        numbers(2).into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from([0, 1])
    );
}

/// An allocator that uses the library registers its hook in the middle of any allocation, that of
/// another hook included.
#[test]
fn a_hook_may_be_registered_inside_the_allocation_of_another() {
    thread_local! {
        static RAN: Cell<u32> = const { Cell::new(0) };
    }
    fn register() {
        on_exit(|| RAN.set(RAN.get() + 1)).expect("the thread runs");
    }
    let _alone = alone();
    let log = logged(|log| {
        // Registered first, it runs last.
        on_exit(move || note(&log, RAN.get().to_string())).expect("the thread runs");
        for _ in 0..20 {
            heap_watch::inside_next_call(register);
            // Boxed, because it holds something.
            let one = std::hint::black_box(1);
            on_exit(move || RAN.set(RAN.get() + one)).expect("the thread runs");
        }
    });
    assert_eq!(log, ["40"]);
}
