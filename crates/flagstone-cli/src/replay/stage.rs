//! Where an allocator plays a trace once and is measured.
#![expect(
    unsafe_code,
    reason = "promises the player that windows are played in order"
)]

use std::alloc::GlobalAlloc;
use std::fmt;

use super::crew::Crew;
use super::fault::Fault;
use super::gauge::Gauge;
use super::groups::Groups;
use super::lifetime::LifetimeAlloc;
use super::measured::Measured;
use super::planner::{Planner, Window};
use super::player;
use super::probe::{NoProbe, Probe, Stopwatch};
use super::purpose::Purpose;
use super::slots::SlotTable;
use super::survey::Survey;
use super::windows::Windows;
use crate::{Failure, Source};

/// A trace and its survey, ready to be played once.
///
/// It splits by the number of threads of the trace, so that a contender for one thread need not
/// be `Sync`: [`Alone::play`] takes any [`GlobalAlloc`], [`Shared::play`] one that is `Send` and
/// `Sync` too.
#[derive(Debug)]
pub enum Stage<'a> {
    /// The trace has one thread. It is played on the calling thread, and no other is started:
    /// allocators behave differently once a process has threads.
    Alone(Alone<'a>),
    /// The trace has several threads.
    Shared(Shared<'a>),
}

/// The stage of a trace with one thread.
#[derive(Debug)]
pub struct Alone<'a>(Setting<'a>);

/// The stage of a trace with several threads.
#[derive(Debug)]
pub struct Shared<'a>(Setting<'a>);

#[derive(Debug)]
struct Setting<'a> {
    source: &'a Source,
    survey: &'a Survey,
    purpose: Purpose,
}

impl<'a> Stage<'a> {
    /// Sets the stage for measuring time; `survey` must have been made of `source`.
    #[must_use]
    pub fn new(source: &'a Source, survey: &'a Survey) -> Self {
        Self::for_purpose(source, survey, Purpose::Time)
    }

    /// Sets the stage for measuring something; `survey` must have been made of `source`.
    #[must_use]
    pub fn for_purpose(source: &'a Source, survey: &'a Survey, purpose: Purpose) -> Self {
        let setting = Setting {
            source,
            survey,
            purpose,
        };
        if survey.seats.workers() == 1 {
            Self::Alone(Alone(setting))
        } else {
            Self::Shared(Shared(setting))
        }
    }
}

impl Alone<'_> {
    /// Plays the trace on the allocator that `make` makes.
    ///
    /// # Errors
    ///
    /// If the allocator breaks a promise or the trace can no longer be read.
    pub fn play<A: GlobalAlloc>(self, make: impl FnOnce() -> A) -> Result<Measured, Stopped> {
        self.0.play_alone(false, |_| make())
    }

    /// The same for an allocator that is told the lifetimes of objects; `make` is given the number
    /// of groups.
    ///
    /// # Errors
    ///
    /// As for [`play`](Self::play).
    pub fn play_with_lifetimes<A: LifetimeAlloc>(
        self,
        make: impl FnOnce(usize) -> A,
    ) -> Result<Measured, Stopped> {
        self.0.play_alone(true, make)
    }
}

impl Setting<'_> {
    fn play_alone<A: LifetimeAlloc>(
        self,
        told: bool,
        make: impl FnOnce(usize) -> A,
    ) -> Result<Measured, Stopped> {
        match self.purpose {
            Purpose::Time | Purpose::Memory => self.play_alone_with(NoProbe, told, make),
            Purpose::Latency => {
                let probe = Stopwatch::new(self.survey.longest_block);
                self.play_alone_with(probe, told, make)
            }
        }
    }

    fn play_alone_with<A: LifetimeAlloc>(
        self,
        mut probe: impl Probe,
        told: bool,
        make: impl FnOnce(usize) -> A,
    ) -> Result<Measured, Stopped> {
        let Self {
            source,
            survey,
            purpose,
        } = self;
        let slots = SlotTable::new(Planner::max_slots(survey), 1);
        let mut window = Window::for_survey(survey);
        let mut windows = Windows::open(source, survey, purpose, told)?;
        let mut more = windows.next(&mut window)?;
        let mut gauge = Gauge::start(purpose.most_windows(survey));
        let allocator = make(Groups::most(&survey.seats));
        let mut busy_ns = 0;
        while more {
            let ops = window.ops_of(0);
            slots.open_window();
            // SAFETY: `windows` has planned exactly the windows played on these slots and this
            // allocator, and a fault ends the loop.
            busy_ns += unsafe { player::play(0, ops, &slots, &allocator, &mut probe)? };
            if let Some(wait) = slots.stuck() {
                return Err(windows.stuck(&window, wait).into());
            }
            gauge.sample(windows.end());
            more = windows.next(&mut window)?;
        }
        let measured = gauge.finish(survey.events, busy_ns);
        windows.rest(&mut window);
        // SAFETY: as above; this window follows the last one.
        unsafe { player::play(0, window.ops_of(0), &slots, &allocator, &mut NoProbe)? };
        Ok(Measured {
            latencies: probe.finish(),
            ..measured
        })
    }

    fn play_shared<A: LifetimeAlloc + Send + Sync>(
        self,
        told: bool,
        make: impl FnOnce(usize) -> A,
    ) -> Result<Measured, Stopped> {
        let Self {
            source,
            survey,
            purpose,
        } = self;
        let windows = Windows::open(source, survey, purpose, told)?;
        let crew = Crew::new(survey, purpose);
        let make = || make(Groups::most(&survey.seats));
        match purpose {
            Purpose::Time | Purpose::Memory => crew.play(windows, || NoProbe, make),
            Purpose::Latency => crew.play(windows, || Stopwatch::new(survey.longest_block), make),
        }
    }
}

impl Shared<'_> {
    /// Plays the trace on the allocator that `make` makes, with as many threads as were recorded
    /// at once.
    ///
    /// # Errors
    ///
    /// If the allocator breaks a promise or the trace can no longer be read.
    pub fn play<A: GlobalAlloc + Send + Sync>(
        self,
        make: impl FnOnce() -> A,
    ) -> Result<Measured, Stopped> {
        self.0.play_shared(false, |_| make())
    }

    /// The same for an allocator that is told the lifetimes of objects; `make` is given the number
    /// of groups.
    ///
    /// # Errors
    ///
    /// As for [`play`](Self::play).
    pub fn play_with_lifetimes<A: LifetimeAlloc + Send + Sync>(
        self,
        make: impl FnOnce(usize) -> A,
    ) -> Result<Measured, Stopped> {
        self.0.play_shared(true, make)
    }
}

/// Why a trace was not played to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The allocator did something wrong.
    Fault(Fault),
    /// The trace could not be read.
    Failure(Failure),
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Failure(failure) => failure.fmt(f),
        }
    }
}
