//! The kernel boots on the host, with a thread as its second context, and gives everything back.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use flagstone_kernel::{
    Errand, Fault, Machine, Plan, boot,
    memory::{MEMORY_BYTES, Memory},
};

/// Keeps the lines, and starts a thread for the other context.
#[derive(Default)]
struct Host(String);

/// Carries out by a call, as an interrupt does: between two instructions of the only context.
struct Interrupted(Errand);

impl Machine for Host {
    const NAME: &'static str = "a thread of the host";

    fn print(&mut self, line: fmt::Arguments<'_>) {
        self.0 += &format!("{line}\n");
    }

    fn elsewhere(&mut self, work: &mut (dyn FnMut() + Send), meanwhile: &mut dyn FnMut()) {
        thread::scope(|scope| {
            scope.spawn(work);
            meanwhile();
        });
    }
}

impl Machine for Interrupted {
    const NAME: &'static str = "one context";

    fn print(&mut self, _: fmt::Arguments<'_>) {}

    fn elsewhere(&mut self, work: &mut (dyn FnMut() + Send), meanwhile: &mut dyn FnMut()) {
        self.0.lend(work, || {
            assert!(self.0.carry_out());
            meanwhile();
        });
    }
}

#[test]
fn nothing_is_in_use_at_the_end_and_the_memory_serves_again() {
    static MEMORY: Memory = Memory::new();
    let mut host = Host::default();
    let first = boot(&MEMORY, &mut host, Plan::default()).expect("boots");
    assert!(host.0.contains("memory    0 bytes in use"), "{}", host.0);
    assert!(first.memory.peak > MEMORY_BYTES / 2 && first.memory.peak <= MEMORY_BYTES);
    assert!(first.exited > 30 && first.received > 500 && first.lost > 0 && first.cancelled > 0);

    let again = boot(&MEMORY, &mut host, Plan::default()).expect("boots again");
    assert_eq!((again.sent, again.filled), (first.sent, first.filled));
    let usage = MEMORY.usage();
    assert_eq!((usage.in_use, usage.taken), (0, usage.returned));
}

#[test]
fn an_interrupt_serves_as_the_other_context() {
    static MEMORY: Memory = Memory::new();
    let mut machine = Interrupted(Errand::new());
    let account = boot(&MEMORY, &mut machine, Plan::default()).expect("boots");
    assert_eq!(account.answered, 64);
}

#[test]
fn a_forgotten_box_is_seen() {
    static MEMORY: Memory = Memory::new();
    let mut plan = Plan::default();
    plan.leak = true;
    let mut host = Host::default();
    let fault = boot(&MEMORY, &mut host, plan).expect_err("a box is left");
    assert!(matches!(fault, Fault::Wrong(_)), "{fault}");
    assert!(MEMORY.usage().in_use > 0);
}

#[test]
fn an_errand_is_carried_out_once_and_waited_for() {
    let (errand, count) = (Errand::new(), AtomicUsize::new(0));
    let mut own = 0;
    thread::scope(|scope| {
        let (errand, count) = (&errand, &count);
        let threads = 3;
        for round in 1..=100 {
            let mut work = || own += 1;
            errand.lend(&mut work, || {
                let tries = (0..threads).map(|_| {
                    scope.spawn(move || {
                        count.fetch_add(usize::from(errand.carry_out()), Ordering::Relaxed)
                    })
                });
                // One of them does it; `lend` waits for that one, whoever is joined first.
                let mut tries: Vec<_> = tries.collect();
                drop(tries.pop());
                for other in tries {
                    other.join().expect("does not panic");
                }
            });
            assert_eq!(own, round);
        }
    });
    assert_eq!(count.into_inner(), 100);
}

#[test]
#[should_panic(expected = "nobody")]
fn an_errand_that_nobody_takes_is_taken_back() {
    Errand::new().lend(&mut || (), || ());
}
