//! Who there is.

use flagstone::OutOfMemory;

use crate::{
    cache::{Boxed, Cache, cache},
    fault::Fault,
    kernel::Message,
    memory::Memory,
    queue::Queue,
};

/// Tasks there are at once.
pub(crate) const TASKS: usize = 8;

/// A place in the table, and how often it had been given away before: a timer or a message for a task
/// that is gone does not reach its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskId {
    pub(crate) place: usize,
    life: u32,
}

/// One task: what waits for it, and what it has done.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) inbox: Queue<Message>,
    pub(crate) handled: u32,
    life: u32,
}

/// The table of tasks.
#[derive(Debug)]
pub(crate) struct Tasks {
    cache: Cache<Task>,
    table: [Option<Boxed<Task>>; TASKS],
    spawned: u32,
}

impl Tasks {
    pub(crate) fn new_in(memory: &'static Memory) -> Result<Self, OutOfMemory> {
        Ok(Self {
            cache: cache(memory)?,
            table: [const { None }; TASKS],
            spawned: 0,
        })
    }

    /// Puts a new task into a free place.
    pub(crate) fn spawn(&mut self) -> Result<TaskId, Fault> {
        let place = self.table.iter().position(Option::is_none);
        let place = place.ok_or(Fault::Wrong("a place for a task is free"))?;
        let life = self.spawned;
        let task = self.cache.alloc(Task {
            inbox: Queue::new(),
            handled: 0,
            life,
        });
        let task = task.map_err(|refused| Fault::NoRoom("a task", refused.kind()))?;
        self.table[place] = Some(task);
        self.spawned += 1;
        Ok(TaskId { place, life })
    }

    /// The task with this name, if it is still there.
    pub(crate) fn get(&mut self, id: TaskId) -> Option<&mut Task> {
        let task = self.table[id.place].as_deref_mut()?;
        (task.life == id.life).then_some(task)
    }

    /// The name of the task at a place.
    pub(crate) fn at(&self, place: usize) -> Option<TaskId> {
        let life = self.table[place].as_ref()?.life;
        Some(TaskId { place, life })
    }

    /// Takes a task out of the table; its box, and what waits in its inbox, go home with it.
    pub(crate) fn exit(&mut self, id: TaskId) -> Option<Boxed<Task>> {
        self.get(id)?;
        self.table[id.place].take()
    }
}
