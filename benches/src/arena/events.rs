//! The events of arenas: which contenders do which task.

use super::{
    bumper::{Bumper, Collections, Numbers, Rooms, Texts, Values},
    floor::BumpFloor,
    ours::{ArenaPerThread, OurArena, OurLock, OurSync},
    rival::{
        AegisArena, Blinking, Bumpalo, BumpaloHerd, ScopeDown, ScopeDown8, ScopeUp, ScopeUp8,
        SyncBlinking, SystemBoxes, SystemVec, TypedNumbers, TypedTexts,
    },
    task::ArenaTask,
    workload::{
        Allocate, NumbersBody, Oversize, Push, Requests, ReserveOne, Resets, StandardPush,
        TextsBody, ValuesBody,
    },
};
use crate::{
    contender::Role,
    entrant::{Entry, ready},
    lane::{Body, Lane},
    suite::{Event, Family, Goal},
    task::Task,
    threads::Shared,
};

/// How many times the time of the best rival an event may take.
const BEST_RIVAL: Goal = Goal::Rival(1.05);
/// Rounds of an event whose windows are long because most of their work is not timed.
const FEW_ROUNDS: usize = 30;

/// The floor downwards, and upwards.
type Down = BumpFloor<false>;
type Up = BumpFloor<true>;

/// Makes contenders with one of the functions below.
macro_rules! contenders {
    ($make:ident: $($contender:ty),+ $(,)?) => { vec![$($make::<$contender>()),+] };
}

/// All events of arenas. A `quick` suite does not fill its arenas with a million values.
pub(crate) fn arenas(quick: bool) -> Vec<Event> {
    let full = if quick { 10_000 } else { 1_000_000 };
    let near_floor = [Goal::Floor(1.05), BEST_RIVAL];
    let mut events = vec![
        event(ArenaTask::Numbers, &near_floor, {
            contenders!(numbers:
                Down, Up, OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8,
                Blinking, TypedNumbers, AegisArena, SystemBoxes,
            )
        }),
        event(ArenaTask::Values, &near_floor, {
            contenders!(values:
                Down, Up, OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8,
                Blinking, AegisArena, SystemBoxes,
            )
        }),
        event(ArenaTask::Texts, &[BEST_RIVAL], {
            contenders!(texts:
                Down, Up, OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8,
                Blinking, TypedTexts, AegisArena, SystemBoxes,
            )
        }),
        event(ArenaTask::RequestsNew, &[BEST_RIVAL], {
            contenders!(requests_new:
                Down, Up, OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8,
                Blinking, AegisArena, SystemBoxes,
            )
        }),
        event(ArenaTask::RequestsReset, &[BEST_RIVAL], {
            contenders!(requests_reset:
                Down, Up, OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8,
                Blinking, AegisArena, SystemBoxes,
            )
        }),
        event(ArenaTask::Push(100_000), &[BEST_RIVAL], {
            let mut entries = contenders!(push:
                OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8, Blinking,
                SystemVec,
            );
            entries.push(standard_push());
            entries
        }),
        event(ArenaTask::ReserveOne(4096), &[BEST_RIVAL], {
            contenders!(reserve_one:
                OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8, Blinking,
                SystemVec,
            )
        }),
        event(ArenaTask::Oversize, &[BEST_RIVAL], {
            contenders!(oversize:
                OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8, Blinking,
                AegisArena, SystemBoxes,
            )
        }),
        event(ArenaTask::Allocate, &[], {
            contenders!(allocate: OurArena, AegisArena, SystemBoxes)
        }),
    ];
    events.extend([1, 1000, full].map(|count| {
        let task = ArenaTask::Reset(count);
        let goals = [Goal::Nanos(100.0), BEST_RIVAL];
        event(task, &goals, {
            contenders!(resets:
                Down, Up, OurArena, Bumpalo<8>, ScopeUp8, ScopeDown8, Blinking, TypedNumbers,
                AegisArena, SystemBoxes,
            )
        })
    }));
    for threads in [1, 2] {
        let mut own = event(ArenaTask::Locals(threads), &[], {
            contenders!(together:
                ArenaPerThread, OurSync<true>, BumpaloHerd<true>, SyncBlinking<true>,
            )
        });
        own.quoted = OurSync::<true>::NAME;
        own.goals = vec![Goal::Contender(ArenaPerThread::NAME, 1.5), BEST_RIVAL];
        let mut shared = event(ArenaTask::Shared(threads), &[], {
            contenders!(together:
                OurSync<false>, OurLock, BumpaloHerd<false>, SyncBlinking<false>,
            )
        });
        shared.quoted = OurSync::<false>::NAME;
        shared.goals = vec![Goal::Nanos(8.0), BEST_RIVAL];
        events.extend([own, shared]);
    }
    events
}

fn event(task: ArenaTask, goals: &[Goal], entries: Vec<Entry>) -> Event {
    let heavy = matches!(
        task,
        ArenaTask::Reset(_) | ArenaTask::Locals(_) | ArenaTask::Shared(_)
    );
    Event {
        slug: format!("arena/{}", task.slug()),
        family: Family::Arenas,
        title: format!("Arenas: {}", task.title()),
        about: task.about(),
        quoted: OurArena::NAME,
        goals: goals.to_vec(),
        rounds: if heavy { FEW_ROUNDS } else { usize::MAX },
        task: Task::Arena(task),
        entries,
    }
}

/// How many there are of what the task of an arena is about; its contenders get no other task.
fn count(task: Task) -> u64 {
    let Task::Arena(task) = task else {
        panic!("an arena cannot do {task:?}");
    };
    task.count()
}

fn lane<B: Bumper>(body: impl Body + 'static) -> Lane<'static> {
    Lane::new(B::NAME, B::ROLE, body)
}

/// The function of a workload that makes contenders for it.
macro_rules! workload {
    ($make:ident, $needs:path, |$count:ident| $body:expr) => {
        fn $make<B: $needs>() -> Entry {
            Entry {
                name: B::NAME,
                prepare: |task| {
                    ready(task, |task| {
                        let $count = count(task);
                        lane::<B>($body)
                    })
                },
            }
        }
    };
    ($make:ident, $needs:path, $body:expr) => {
        fn $make<B: $needs>() -> Entry {
            Entry {
                name: B::NAME,
                prepare: |task| ready(task, |_| lane::<B>($body)),
            }
        }
    };
}

/// Who can take requests.
trait Serves: Values + Texts {}
impl<B: Values + Texts> Serves for B {}

/// Who can place values among blocks.
trait Mixes: Values + Rooms {}
impl<B: Values + Rooms> Mixes for B {}

workload!(numbers, Numbers, NumbersBody::<B>::new());
workload!(values, Values, ValuesBody::<B>::new());
workload!(texts, Texts, TextsBody::<B>::new());
workload!(requests_new, Serves, Requests::<B, true>::new());
workload!(requests_reset, Serves, Requests::<B, false>::new());
workload!(push, Collections, |count| Push::<B>::new(count));
workload!(reserve_one, Collections, |count| ReserveOne::<B>::new(
    count
));
workload!(oversize, Mixes, Oversize::<B>::new());
workload!(allocate, Values, Allocate::<B>::new());
workload!(resets, Numbers, |count| Resets::<B>::new(count));

fn together<S: Shared>() -> Entry {
    Entry::shared::<S>()
}

fn standard_push() -> Entry {
    const NAME: &str = "std::vec::Vec";
    Entry {
        name: NAME,
        prepare: |task| {
            ready(task, |task| {
                Lane::new(NAME, Role::Rival, StandardPush::new(count(task)))
            })
        },
    }
}
