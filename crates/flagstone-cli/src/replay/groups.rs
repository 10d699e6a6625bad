//! Which objects die together, as the allocators are told.

use super::lifetime::Lifetime;
use super::phases::{LEVELS, MIN_OBJECTS};
use super::seats::Seats;
use super::survey::impossible;
use crate::Failure;

/// The group of an object: its number plus one, or 0.
///
/// The planner's table of live objects has two bytes to spare for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group(u16);

impl Group {
    /// What calls about its objects say.
    pub(super) fn lifetime(self) -> Lifetime {
        self.0
            .checked_sub(1)
            .map_or_else(Lifetime::default, Lifetime::in_group)
    }
}

/// Counts the live objects of each group: one group per worker and level at a time.
///
/// A group ends when none of its objects is live and it had as many as a phase has at least: that
/// is where the survey ended the phase, because it counted in the same way.
///
/// The levels come from the survey, and the trace may have changed since. What an allocator is
/// promised depends on neither: it is checked here.
#[derive(Debug)]
pub(super) struct Groups {
    /// Of each worker one after the other, each level's.
    counts: Vec<Count>,
    /// Workers that play more than one thread at a time: whose objects join no group, because
    /// what was found is true for a thread by itself.
    crowded: Vec<bool>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    live: u32,
    /// Objects since the last end.
    born: u32,
}

impl Groups {
    pub(super) fn new(seats: &Seats) -> Self {
        Self {
            counts: vec![Count::default(); Self::most(seats)],
            crowded: (0..seats.workers())
                .map(|worker| seats.is_crowded(worker))
                .collect(),
        }
    }

    /// Groups are numbered from 0 to one less than this.
    pub(super) fn most(seats: &Seats) -> usize {
        seats.workers() * usize::from(LEVELS)
    }

    /// The group of an object of this level that `worker` allocates.
    pub(super) fn join(&mut self, worker: usize, level: u8) -> Result<Group, Failure> {
        if level == 0 || self.crowded[worker] {
            return Ok(Group::default());
        }
        if level > LEVELS {
            return Err(impossible(format!("an object of level {level}")));
        }
        // Fits: there are at most `MAX_WORKERS` workers.
        let group = (worker * usize::from(LEVELS) + usize::from(level)) as u16;
        let count = &mut self.counts[usize::from(group) - 1];
        count.live += 1;
        count.born = count.born.saturating_add(1);
        Ok(Group(group))
    }

    /// What is said when `worker` resizes an object of `group`.
    pub(super) fn touch(&self, worker: usize, group: Group) -> Result<Lifetime, Failure> {
        match usize::from(group.0).checked_sub(1) {
            Some(number) if number / usize::from(LEVELS) != worker => Err(impossible(
                "an object of a phase is used by another thread than when the trace was surveyed",
            )),
            _ => Ok(group.lifetime()),
        }
    }

    /// What is said when `worker` frees an object of `group`.
    pub(super) fn leave(&mut self, worker: usize, group: Group) -> Result<Lifetime, Failure> {
        let lifetime = self.touch(worker, group)?;
        let Some(number) = lifetime.group() else {
            return Ok(lifetime);
        };
        let count = &mut self.counts[number];
        count.live -= 1;
        if count.live > 0 || count.born < MIN_OBJECTS {
            return Ok(lifetime);
        }
        count.born = 0;
        Ok(lifetime.ending_group())
    }
}

#[cfg(test)]
mod tests {
    use super::super::seats::{MAX_WORKERS, Span};
    use super::*;

    fn groups(threads: usize) -> Groups {
        Groups::new(&Seats::assign(
            &vec![Span { first: 0, last: 9 }; threads],
            MAX_WORKERS,
        ))
    }

    #[test]
    fn a_group_ends_with_its_last_object_and_not_before_it_has_enough() {
        let mut groups = groups(1);
        for _ in 0..2 {
            for _ in 1..MIN_OBJECTS {
                let group = groups.join(0, 3).expect("a level");
                let left = groups.leave(0, group).expect("its worker");
                assert_eq!((left.group(), left.ends_group()), (Some(2), false));
            }
            let other = groups.join(0, 4).expect("a level");
            let [first, last] = [(); 2].map(|()| groups.join(0, 3).expect("a level"));
            assert!(!groups.leave(0, first).expect("its worker").ends_group());
            assert!(groups.leave(0, last).expect("its worker").ends_group());
            groups.leave(0, other).expect("its worker");
        }
    }

    #[test]
    fn what_the_survey_cannot_have_said_is_refused() {
        let mut groups = groups(2);
        assert!(groups.join(0, LEVELS + 1).is_err());
        let group = groups.join(1, LEVELS).expect("a level");
        assert!(groups.touch(0, group).is_err());
        assert!(groups.leave(0, group).is_err());
        assert!(groups.leave(1, group).is_ok());
    }

    #[test]
    fn threads_that_share_a_worker_have_no_groups() {
        let mut groups = groups(65);
        let joined = (0..64).filter(|&worker| {
            let group = groups.join(worker, 1).expect("a level");
            group.lifetime().group().is_some()
        });
        assert_eq!(joined.count(), 63);
    }
}
