//! From boot to shut-down.

use core::mem;

use flagstone::sync::SpinLock;
use lock_api::Mutex;

use crate::{
    account::Account,
    cache::{Boxed, Cache, SLAB_BYTES, cache},
    fault::Fault,
    machine::Machine,
    memory::{MEMORY_BYTES, Memory},
    queue::{Node, Queue, Refused},
    tasks::{TASKS, Task, TaskId, Tasks},
    timers::{Timer, Timers},
};

/// Requests that go to the other context.
const REQUESTS: u32 = 64;

/// Work of this context in the meantime: as often a message is made, and freed.
const MEANWHILE: u32 = 256;

/// What a run does.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// Ticks of the clock until shut-down.
    pub ticks: u32,
    /// Forgets a box at the end, to show that this would be seen.
    pub leak: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            ticks: 500,
            leak: false,
        }
    }
}

/// One word from a place in the table to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    from: usize,
    word: u32,
}

type Mail = Cache<Node<Message>>;

#[derive(Debug)]
struct Kernel {
    tasks: Tasks,
    mail: Mail,
    timers: Timers,
    account: Account,
}

/// [`boot`]s on a machine that has nobody to return an error to: prints why it stopped, if it did. With
/// `leak`, a box is forgotten on purpose. Whether all is well.
pub fn run<M: Machine>(memory: &'static Memory, machine: &mut M, leak: bool) -> bool {
    let plan = Plan {
        leak,
        ..Plan::default()
    };
    let booted = boot(memory, machine, plan);
    if let Err(fault) = &booted {
        machine.print(format_args!("stopped: {fault}"));
    }
    booted.is_ok()
}

/// Runs a kernel in `memory` until it shuts down, and says what it did.
///
/// ```
/// use std::{fmt, thread};
///
/// use flagstone_kernel::{Machine, Plan, boot, memory::Memory};
///
/// struct Host;
///
/// impl Machine for Host {
///     const NAME: &'static str = "the host";
///
///     fn print(&mut self, line: fmt::Arguments<'_>) {
///         println!("{line}");
///     }
///
///     fn elsewhere(&mut self, work: &mut (dyn FnMut() + Send), meanwhile: &mut dyn FnMut()) {
///         thread::scope(|scope| {
///             scope.spawn(work);
///             meanwhile();
///         });
///     }
/// }
///
/// static MEMORY: Memory = Memory::new();
///
/// let account = boot(&MEMORY, &mut Host, Plan::default())?;
/// assert_eq!(account.memory.in_use, 0);
/// # Ok::<(), flagstone_kernel::Fault>(())
/// ```
///
/// # Errors
///
/// When the memory is too small, or something did not end as it must; above all, when a byte is in
/// use afterwards.
pub fn boot<M: Machine>(
    memory: &'static Memory,
    machine: &mut M,
    plan: Plan,
) -> Result<Account, Fault> {
    machine.print(format_args!(
        "a kernel on {}: {MEMORY_BYTES} bytes, in slabs of {SLAB_BYTES}",
        M::NAME
    ));
    machine.print(format_args!(
        "a task has {} bytes, a message {}, a timer {}",
        size_of::<Task>(),
        size_of::<Node<Message>>(),
        size_of::<Timer>()
    ));
    let mut kernel = Kernel::new_in(memory)?;
    kernel.work(plan.ticks)?;
    kernel.share(machine)?;
    kernel.fill()?;
    let (last, mut account) = kernel.shut_down()?;

    account.last_box = memory.usage();
    if last.value().word != FAREWELL.word {
        return Err(Fault::Wrong("a box outlives its cache"));
    }
    if plan.leak {
        mem::forget(last);
    } else {
        drop(last);
    }
    account.memory = memory.usage();
    machine.print(format_args!("{account}"));
    account.check()?;
    Ok(account)
}

/// What the last box holds.
const FAREWELL: Message = Message {
    from: 0,
    word: 0xF1A6,
};

impl Kernel {
    fn new_in(memory: &'static Memory) -> Result<Self, Fault> {
        Ok(Self {
            tasks: Tasks::new_in(memory)?,
            mail: cache(memory)?,
            timers: Timers::new_in(memory)?,
            account: Account::default(),
        })
    }

    /// Tasks wake by timers and write to each other; now and then one ends and another takes its place.
    fn work(&mut self, ticks: u32) -> Result<(), Fault> {
        for place in 0..TASKS {
            self.spawn(1 + place as u32)?;
        }
        for now in 1..=ticks {
            while let Some(task) = self.timers.expire(now) {
                self.account.fired += 1;
                self.send(
                    task.place,
                    Message {
                        from: task.place,
                        word: now,
                    },
                )?;
                self.arm(task, now + 2 + (task.place as u32 * 7 + now) % 5)?;
            }
            for place in 0..TASKS {
                self.handle(place)?;
            }
            if now % 16 == 0 {
                self.exit((now / 16) as usize % TASKS)?;
                self.spawn(now + 1)?;
            }
        }
        self.account.ticks = ticks;
        Ok(())
    }

    fn spawn(&mut self, first_tick: u32) -> Result<(), Fault> {
        let task = self.tasks.spawn()?;
        self.account.spawned += 1;
        self.arm(task, first_tick)
    }

    fn arm(&mut self, task: TaskId, due: u32) -> Result<(), Fault> {
        self.timers.arm(task, due)?;
        self.account.armed += 1;
        Ok(())
    }

    fn send(&mut self, to: usize, message: Message) -> Result<(), Fault> {
        let to = self.tasks.at(to).and_then(|to| self.tasks.get(to));
        let to = to.ok_or(Fault::Wrong("every place has a task"))?;
        to.inbox.push(&self.mail, message).map_err(no_room)?;
        self.account.sent += 1;
        Ok(())
    }

    /// A task takes one message, and passes most of them on, until their word is used up.
    fn handle(&mut self, place: usize) -> Result<(), Fault> {
        let task = self.tasks.at(place).and_then(|id| self.tasks.get(id));
        let task = task.ok_or(Fault::Wrong("every place has a task"))?;
        let Some(Message { from, word }) = task.inbox.pop() else {
            return Ok(());
        };
        task.handled += 1;
        self.account.received += 1;
        if word % 3 == 0 {
            return Ok(());
        }
        let to = (from + word as usize) % TASKS;
        let from = place;
        self.send(
            to,
            Message {
                from,
                word: word - 1,
            },
        )
    }

    fn exit(&mut self, place: usize) -> Result<(), Fault> {
        let id = self.tasks.at(place);
        let id = id.ok_or(Fault::Wrong("every place has a task"))?;
        let task = self.tasks.exit(id);
        let task = task.ok_or(Fault::Wrong("a task ends once"))?;
        self.account.lost += task.inbox.len() as u32;
        self.account.cancelled += self.timers.cancel(id);
        self.account.exited += 1;
        Ok(())
    }

    /// Another context frees what this one allocated, and allocates what this one frees.
    fn share(&mut self, machine: &mut impl Machine) -> Result<(), Fault> {
        let mut requests = Queue::new();
        for word in 0..REQUESTS {
            requests
                .push(&self.mail, Message { from: 0, word })
                .map_err(no_room)?;
        }
        self.account.requested = REQUESTS;

        let answers = Mutex::<SpinLock, _>::new(Queue::new());
        let theirs = self.mail.clone();
        let mut refused_there = None;
        let (inbox, outbox, refusal) = (&mut requests, &answers, &mut refused_there);
        // The clone moves over: each context has its own.
        let mut work = move || {
            while let Some(Message { from, word }) = inbox.pop() {
                let answer = Message { from, word: !word };
                // In a box before the lock is taken, which is then held for a few instructions.
                match Queue::boxed(&theirs, answer) {
                    Ok(answer) => outbox.lock().push_boxed(answer),
                    Err(refused) => *refusal = Some(refused),
                }
            }
        };
        let mut refused_here = None;
        let mut own = Queue::new();
        let mut meanwhile = || {
            for word in 0..MEANWHILE {
                if let Err(refused) = own.push(&self.mail, Message { from: 1, word }) {
                    refused_here = Some(refused);
                }
                if word % 8 > 3 {
                    own.pop();
                    own.pop();
                }
            }
        };
        machine.elsewhere(&mut work, &mut meanwhile);
        if let Some(refused) = refused_there.or(refused_here) {
            return Err(no_room(refused));
        }

        let mut answers = answers.into_inner();
        let mut expected = (0..REQUESTS).map(|word| !word);
        while let Some(answer) = answers.pop() {
            if Some(answer.word) != expected.next() {
                return Err(Fault::Wrong("answers are those to the requests, in order"));
            }
            self.account.answered += 1;
        }
        Ok(())
    }

    /// A full region refuses a message, which comes back; afterwards there is room as before.
    fn fill(&mut self) -> Result<(), Fault> {
        let mut full = Queue::new();
        let refused = loop {
            let word = self.account.filled;
            match full.push(&self.mail, Message { from: 2, word }) {
                Ok(()) => self.account.filled += 1,
                Err(refused) => break refused.value,
            }
        };
        let word = self.account.filled;
        if refused != (Message { from: 2, word }) {
            return Err(Fault::Wrong("what is refused comes back as it was"));
        }
        drop(full);
        Queue::new().push(&self.mail, refused).map_err(no_room)
    }

    /// Ends all tasks and drops all caches; one box is left.
    fn shut_down(mut self) -> Result<(Boxed<Node<Message>>, Account), Fault> {
        let last = Queue::boxed(&self.mail, FAREWELL).map_err(no_room)?;
        for place in 0..TASKS {
            self.exit(place)?;
        }
        Ok((last, self.account))
    }
}

fn no_room(refused: Refused<Message>) -> Fault {
    Fault::NoRoom("a message", refused.kind)
}
