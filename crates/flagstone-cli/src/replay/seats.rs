//! Which worker plays which recorded thread.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

/// Most operating-system threads a replay starts.
pub(super) const MAX_WORKERS: usize = 64;

/// The numbers of a recorded thread's first and last event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) last: u64,
}

/// The worker of each recorded thread.
///
/// A recorded thread whose last event has passed leaves its worker to the next thread that starts,
/// so a program with thousands of short-lived threads is played by as many workers as it had
/// threads at once. Workers live as long as the replay: that a thread ends is not replayed. When
/// more than allowed were at work at once ([`MAX_WORKERS`], or fewer if asked for), some share a worker, which plays their events
/// in the order of the recording. Rejected: one worker per recorded thread, which would measure
/// the creation of threads, and a fixed number of workers taking threads in turn, which would
/// make frees remote that were local.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Seats {
    worker_of: Vec<u8>,
    workers: usize,
    /// Workers that play several threads at a time.
    crowded: Vec<u8>,
}

impl Seats {
    /// Seats the threads, which must be in the order of their first events, at `most` workers.
    pub(super) fn assign(threads: &[Span], most: usize) -> Self {
        let most = most.clamp(1, MAX_WORKERS);
        let mut worker_of = Vec::with_capacity(threads.len());
        // Workers by the last event of the thread that each plays, earliest first.
        let mut busy = BinaryHeap::new();
        let mut crowded = Vec::new();
        for thread in threads {
            let idle = busy
                .peek()
                .is_some_and(|Reverse((last, _))| *last < thread.first);
            let worker = if idle || busy.len() == most {
                let worker = busy.pop().map_or(0, |Reverse((_, worker))| worker);
                if !idle && !crowded.contains(&worker) {
                    crowded.push(worker);
                }
                worker
            } else {
                // Fits: there are at most `MAX_WORKERS`.
                busy.len() as u8
            };
            worker_of.push(worker);
            busy.push(Reverse((thread.last, worker)));
        }
        Self {
            worker_of,
            workers: busy.len().max(1),
            crowded,
        }
    }

    /// How many recorded threads there are.
    pub(super) fn threads(&self) -> usize {
        self.worker_of.len()
    }

    /// How many workers the replay needs; never 0.
    pub(super) fn workers(&self) -> usize {
        self.workers
    }

    /// Whether `worker` plays several threads at a time.
    pub(super) fn is_crowded(&self, worker: usize) -> bool {
        self.crowded
            .iter()
            .any(|&crowded| usize::from(crowded) == worker)
    }

    /// The worker of a recorded thread.
    pub(super) fn worker_of(&self, thread: u32) -> Option<usize> {
        self.worker_of
            .get(thread as usize)
            .map(|worker| usize::from(*worker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers(spans: &[(u64, u64)]) -> (Vec<u8>, usize) {
        let spans: Vec<_> = spans
            .iter()
            .map(|&(first, last)| Span { first, last })
            .collect();
        let seats = Seats::assign(&spans, MAX_WORKERS);
        (seats.worker_of, seats.workers)
    }

    #[test]
    fn threads_that_overlap_sit_apart_and_ended_ones_are_followed() {
        assert_eq!(workers(&[]), (vec![], 1));
        assert_eq!(workers(&[(0, 9), (1, 2), (3, 4)]), (vec![0, 1, 1], 2));
        assert_eq!(workers(&[(0, 9), (1, 5), (3, 4)]), (vec![0, 1, 2], 3));
    }

    #[test]
    fn a_thousand_threads_at_once_share_the_most_workers_allowed() {
        let spans: Vec<_> = (0..1_000).map(|thread| (thread, 5_000)).collect();
        let (seats, count) = workers(&spans);
        assert_eq!(count, MAX_WORKERS);
        assert!(
            seats
                .iter()
                .all(|worker| usize::from(*worker) < MAX_WORKERS)
        );
    }

    #[test]
    fn fewer_workers_are_allowed_if_asked_for() {
        let spans = vec![Span { first: 0, last: 9 }; 3];
        let seats = Seats::assign(&spans, 2);
        assert_eq!(
            (seats.worker_of.clone(), seats.workers()),
            (vec![0, 1, 0], 2)
        );
        assert!(seats.is_crowded(0) && !seats.is_crowded(1));
        assert_eq!(Seats::assign(&spans, 1).workers(), 1);
    }
}
