//! What is due when.

use flagstone::OutOfMemory;

use crate::{
    cache::{Boxed, Cache, cache},
    fault::Fault,
    memory::Memory,
    tasks::TaskId,
};

/// Wakes a task at a tick.
#[derive(Debug)]
pub(crate) struct Timer {
    due: u32,
    task: TaskId,
    next: Option<Boxed<Self>>,
}

/// All timers, soonest first.
#[derive(Debug)]
pub(crate) struct Timers {
    cache: Cache<Timer>,
    first: Option<Boxed<Timer>>,
}

impl Timers {
    pub(crate) fn new_in(memory: &'static Memory) -> Result<Self, OutOfMemory> {
        Ok(Self {
            cache: cache(memory)?,
            first: None,
        })
    }

    /// Lets `task` be woken at the tick `due`, after those that are due then already.
    pub(crate) fn arm(&mut self, task: TaskId, due: u32) -> Result<(), Fault> {
        let next = None;
        let timer = self.cache.alloc(Timer { due, task, next });
        let mut timer = timer.map_err(|refused| Fault::NoRoom("a timer", refused.kind()))?;
        let mut at = &mut self.first;
        while at.as_ref().is_some_and(|earlier| earlier.due <= due)
            && let Some(earlier) = at
        {
            at = &mut earlier.next;
        }
        timer.next = at.take();
        *at = Some(timer);
        Ok(())
    }

    /// Takes the next timer that is due at the tick `now`.
    pub(crate) fn expire(&mut self, now: u32) -> Option<TaskId> {
        let mut timer = self.first.take_if(|first| first.due <= now)?;
        self.first = timer.next.take();
        Some(timer.task)
    }

    /// Forgets the timers of `task`; says how many there were.
    pub(crate) fn cancel(&mut self, task: TaskId) -> u32 {
        let mut cancelled = 0;
        let mut kept = None;
        let mut last = &mut kept;
        let mut rest = self.first.take();
        while let Some(mut timer) = rest {
            rest = timer.next.take();
            if timer.task == task {
                cancelled += 1;
            } else {
                last = &mut last.insert(timer).next;
            }
        }
        self.first = kept;
        cancelled
    }
}

/// One by one, as queues do.
impl Drop for Timers {
    fn drop(&mut self) {
        while self.expire(u32::MAX).is_some() {}
    }
}
