//! The events of general allocators: everybody does every task.

use super::{
    HeapTask,
    allocator::{Allocator, OurHeap, of_each_allocator},
    churn::{Aligned, Batch, Between, Classes, Pair, Pareto, Replace},
    crowd::{Larson, Mstress, Parcels, Xmalloc},
    growth::{Creeping, Doubling},
    large::{Large, Zeroed},
    spawn::{BARE_SPAWN, Bare, First},
};
use crate::{
    contender::Role,
    entrant::{Entry, ready},
    hand_off::BareRing,
    lane::Lane,
    suite::{Event, Family, THREADED_ROUNDS},
    task::Task,
    threaded::Arithmetic,
};

/// All events of general allocators. In a `quick` suite nobody has more than a thousand blocks to set up.
#[must_use]
pub fn heaps(quick: bool) -> Vec<Event> {
    let many = |count| if quick { 1000 } else { count };
    let small = (16, 128);
    let mut tasks = vec![
        HeapTask::Pair,
        HeapTask::NewestFirst,
        HeapTask::OldestFirst,
        HeapTask::Churn(many(2_000), (8, 512)),
        HeapTask::Churn(1_000, small),
    ];
    if !quick {
        tasks.extend([100_000, 200_000].map(|count| HeapTask::Churn(count, small)));
    }
    tasks.extend([
        HeapTask::Pareto(many(10_000)),
        HeapTask::Classes,
        HeapTask::Aligned(1_000),
        HeapTask::Doubling,
        HeapTask::PlusOne,
        HeapTask::PlusEight,
        HeapTask::Large,
        HeapTask::Zeroed(64 << 10),
        HeapTask::Zeroed(4 << 20),
        HeapTask::Threads(1),
        HeapTask::Threads(2),
        HeapTask::Threads(8),
        HeapTask::HandOff,
        HeapTask::Larson(2),
        HeapTask::Larson(8),
        HeapTask::Xmalloc(4),
        HeapTask::Mstress(4),
        HeapTask::FirstOfThread,
    ]);
    tasks.into_iter().map(event).collect()
}

fn event(task: HeapTask) -> Event {
    let entries = entries(task);
    let takes_long = matches!(
        task,
        HeapTask::Doubling
            | HeapTask::PlusOne
            | HeapTask::PlusEight
            | HeapTask::Large
            | HeapTask::Zeroed(_)
    );
    Event {
        slug: format!("heap/{}", task.slug()),
        family: Family::Heaps,
        title: task.title(),
        about: task.about(),
        quoted: OurHeap::NAME,
        goals: Vec::new(),
        rounds: if takes_long || task.windows() > 1 {
            THREADED_ROUNDS
        } else {
            usize::MAX
        },
        task: Task::Heap(task),
        entries,
    }
}

/// Who takes part: all allocators, after what they are compared with besides.
fn entries(task: HeapTask) -> Vec<Entry> {
    let control = vec![Entry::shared::<Arithmetic>()];
    let (mut entries, allocators) = match task {
        HeapTask::Threads(_) => (control, Vec::from(of_each_allocator!(window))),
        HeapTask::HandOff => (
            [control, vec![Entry::hand_off::<BareRing<u64>>()]].concat(),
            Vec::from(of_each_allocator!(hand_off)),
        ),
        HeapTask::Larson(_) => (control, Vec::from(of_each_allocator!(larson))),
        HeapTask::Xmalloc(_) => (control, Vec::from(of_each_allocator!(xmalloc))),
        HeapTask::Mstress(_) => (control, Vec::from(of_each_allocator!(mstress))),
        HeapTask::FirstOfThread => (vec![bare_spawn()], Vec::from(of_each_allocator!(alone))),
        _ => (Vec::new(), Vec::from(of_each_allocator!(alone))),
    };
    entries.extend(allocators);
    entries
}

fn window<A: Allocator>() -> Entry {
    Entry::window::<Parcels<A>>()
}

fn hand_off<A: Allocator>() -> Entry {
    Entry::hand_off::<Parcels<A>>()
}

fn larson<A: Allocator>() -> Entry {
    Entry::shared::<Larson<A>>()
}

fn xmalloc<A: Allocator>() -> Entry {
    Entry::shared::<Xmalloc<A>>()
}

fn mstress<A: Allocator>() -> Entry {
    Entry::shared::<Mstress<A>>()
}

fn bare_spawn() -> Entry {
    Entry {
        name: BARE_SPAWN,
        prepare: |task| ready(task, |_| Lane::new(BARE_SPAWN, Role::Control, Bare)),
    }
}

/// An allocator at the disposal of one lane.
fn alone<A: Allocator>() -> Entry {
    Entry {
        name: A::NAME,
        prepare: |task| ready(task, lane::<A>),
    }
}

fn lane<A: Allocator>(task: Task) -> Lane<'static> {
    let (name, role) = (A::NAME, A::ROLE);
    let Task::Heap(task) = task else {
        panic!("a general allocator cannot do {task:?}");
    };
    match task {
        HeapTask::Pair => Lane::new(name, role, Pair::<A>::new()),
        HeapTask::NewestFirst => Lane::new(name, role, Batch::<A, true>::new()),
        HeapTask::OldestFirst => Lane::new(name, role, Batch::<A, false>::new()),
        HeapTask::Churn(count, (least, most)) => {
            let sizes = Between(least, most);
            Lane::new(name, role, Replace::<A, _>::new(count, sizes))
        }
        HeapTask::Pareto(count) => {
            Lane::new(name, role, Replace::<A, _>::new(count, Pareto::new()))
        }
        HeapTask::Classes => Lane::new(name, role, Classes::<A>::new()),
        HeapTask::Aligned(count) => Lane::new(name, role, Aligned::<A>::new(count)),
        HeapTask::Doubling => Lane::new(name, role, Doubling::<A>::new()),
        HeapTask::PlusOne => Lane::new(name, role, Creeping::<A, 8, { 256 << 10 }>::new()),
        HeapTask::PlusEight => Lane::new(name, role, Creeping::<A, 64, { 64 << 10 }>::new()),
        HeapTask::Large => Lane::new(name, role, Large::<A>::new()),
        HeapTask::Zeroed(size) => Lane::new(name, role, Zeroed::<A>::new(size)),
        HeapTask::FirstOfThread => Lane::new(name, role, First::<A>::new()),
        HeapTask::Threads(_)
        | HeapTask::HandOff
        | HeapTask::Larson(_)
        | HeapTask::Xmalloc(_)
        | HeapTask::Mstress(_) => panic!("one thread cannot do {task:?}"),
    }
}
