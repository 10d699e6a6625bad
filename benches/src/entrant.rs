//! A contender that has been made for a task, with its type forgotten.

use std::marker::PhantomData;

use crate::{
    caches::{Caches, Scatter},
    contender::Contender,
    finder::Finder,
    hand_off::HandOff,
    lane::Lane,
    store::{Store, Window},
    task::Task,
    threads::{Shared, Threads},
    workload::{Batch, Construct, Find, Hot, Replace, Sum, spread},
};

/// Something made for a task, and the way to put it to work.
///
/// A pool outlives its lane, which holds handles that borrow it: whoever runs lanes keeps the
/// entrants they come from.
pub(crate) trait Entrant {
    /// The entrant at work. Called once: a pool has the capacity for one lane.
    fn lane(&self) -> Lane<'_>;
}

/// Who can be made for a task.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) prepare: fn(Task) -> Box<dyn Entrant>,
}

impl Entry {
    /// A pool.
    pub(crate) const fn pool<C: Contender>() -> Self {
        Self {
            name: C::NAME,
            prepare: |task| {
                let pool = C::with_capacity(task.capacity());
                Box::new(Pool { pool, task })
            },
        }
    }

    /// A pool that the threads of the task share.
    pub(crate) const fn window<S: Store>() -> Self {
        Self::shared::<Window<S>>()
    }

    /// A pool whose values go to another thread.
    pub(crate) const fn hand_off<S: Store>() -> Self
    where
        for<'p> S::Handle<'p>: Send,
    {
        Self {
            name: S::NAME,
            prepare: |_| Box::new(Pair(PhantomData::<S>)),
        }
    }

    /// A pool, once or several times.
    pub(crate) const fn caches<C: Caches>() -> Self {
        Self {
            name: C::NAME,
            prepare: |_| Box::new(Several::<C>(C::make())),
        }
    }

    /// An index structure; its only task is to find.
    pub(crate) const fn index<F: Finder>() -> Self {
        Self {
            name: F::NAME,
            prepare: |task| {
                let Task::Find(capacity) = task else {
                    panic!("an index structure can only find, not {task:?}");
                };
                Box::new(Index {
                    capacity,
                    finder: PhantomData::<F>,
                })
            },
        }
    }

    /// Something that the threads of the task share.
    pub(crate) const fn shared<S: Shared>() -> Self {
        Self {
            name: S::NAME,
            prepare: |task| {
                Box::new(Crowd {
                    threads: task.threads(),
                    shared: PhantomData::<S>,
                })
            },
        }
    }
}

/// Something that has everything it needs for its lane but the task.
pub(crate) fn ready(task: Task, lane: fn(Task) -> Lane<'static>) -> Box<dyn Entrant> {
    Box::new(Ready { task, lane })
}

struct Ready {
    task: Task,
    lane: fn(Task) -> Lane<'static>,
}

impl Entrant for Ready {
    fn lane(&self) -> Lane<'_> {
        (self.lane)(self.task)
    }
}

struct Crowd<S> {
    threads: usize,
    shared: PhantomData<S>,
}

impl<S: Shared> Entrant for Crowd<S> {
    fn lane(&self) -> Lane<'_> {
        Lane::new(S::NAME, S::ROLE, Threads::<S>::new(self.threads))
    }
}

struct Pair<S>(PhantomData<S>);

impl<S: Store> Entrant for Pair<S>
where
    for<'p> S::Handle<'p>: Send,
{
    fn lane(&self) -> Lane<'_> {
        Lane::new(S::NAME, S::ROLE, HandOff::<S>::new())
    }
}

struct Several<C: Caches>(Vec<C::Cache>);

impl<C: Caches> Entrant for Several<C> {
    fn lane(&self) -> Lane<'_> {
        Lane::new(C::NAME, C::role(), Scatter::new(&self.0))
    }
}

struct Pool<C> {
    pool: C,
    task: Task,
}

impl<C: Contender> Entrant for Pool<C> {
    fn lane(&self) -> Lane<'_> {
        let (name, role, pool) = (C::NAME, C::ROLE, &self.pool);
        match self.task {
            Task::Hot => Lane::new(name, role, Hot::new(pool)),
            Task::Replace(count) => Lane::new(name, role, Replace::new(pool, count)),
            Task::Batch => Lane::new(name, role, Batch::new(pool)),
            Task::Sum(count) => Lane::new(name, role, Sum::new(pool, count)),
            Task::HotSpread(slabs) => {
                let (mut pins, live) = spread(pool, slabs);
                pins.extend(live);
                Lane::new(name, role, Hot::beside(pool, pins))
            }
            Task::ReplaceSpread(slabs) => {
                let (pins, live) = spread(pool, slabs);
                Lane::new(name, role, Replace::among(pool, live, pins))
            }
            Task::Construct(capacity) => Lane::new(name, role, Construct::<C>::new(capacity)),
            Task::Find(_)
            | Task::Threads(_)
            | Task::HandOff
            | Task::Caches
            | Task::Arena(_)
            | Task::Heap(_) => panic!("a pool cannot do {:?}", self.task),
        }
    }
}

struct Index<F> {
    capacity: usize,
    finder: PhantomData<F>,
}

impl<F: Finder> Entrant for Index<F> {
    fn lane(&self) -> Lane<'_> {
        Lane::new(F::NAME, F::ROLE, Find::<F>::new(self.capacity))
    }
}
