//! Who is granted what, and when.
//!
//! The lines of all scopes that wait have a first each. One of these is *next*: if one was passed too
//! often, the oldest of those; otherwise the first of the scope that has least of the shared part for
//! its weight. It is granted what it wants if that is there. If it is not, it is *ahead*, and the others
//! can only pass it:
//!
//! - with bytes that their scope was guaranteed, which it could not have;
//! - *beside* it: all that was granted beside others and is still out, together with what the one ahead
//!   needs, is not more than there is. When everything that was out before has come back, there is
//!   room for it;
//! - up to `most_passed` times in any other way.
//!
//! What is granted beside somebody carries a mark until it is released; that is how the sum is known.
//! So the one ahead waits for what was out when it came to be ahead, and for `most_passed` others, and
//! then it has it. The idea of filling up behind a large job is that of batch schedulers: D. A. Lifka,
//! "The ANL/IBM SP scheduling system" (1995).

use super::{
    account::Lack,
    books::{Answer, Counter, Demand, Ledger},
    policy::Order,
};
use crate::{raw::wait::Panicked, sync::seeded};

/// How many behind the first of a line are looked at for what fits.
const LOOK_AHEAD: usize = 32;

/// Those who would be passed.
#[derive(Debug, Default)]
struct Ahead {
    lines: [Option<usize>; 2],
    /// The most that one of them needs of the shared part.
    need: u64,
    /// How often they may still be passed.
    passes: u32,
    /// How often they were, just now.
    passed: u32,
    /// One of them waits for its scope, in whose line the others stand.
    limited: bool,
}

impl Ledger {
    /// Grants what can be granted, and sees to it that the balance says whether somebody waits.
    /// Nothing may be locked.
    #[cold]
    pub(super) fn settle(&self) {
        self.settle_after(Panicked::default());
    }

    /// As `settle`, after something in which wakers may have panicked.
    pub(super) fn settle_after(&self, mut panicked: Panicked) {
        loop {
            let mut held = self.queue.lock();
            self.forget_least();
            if held.waiting() > 0 {
                // Behind it: a release that still saw the old least came before, and its bytes are seen below.
                self.balance.mark();
            }
            let more = self.grant(&mut held);
            self.find_least(&mut held);
            self.unmark_if_idle(&held);
            panicked.add(held.open()); // USER CODE
            if !more {
                return panicked.resume();
            }
        }
    }

    /// Clears the mark when nobody waits. A closed budget keeps it.
    pub(super) fn unmark_if_idle(&self, held: &Counter<'_>) {
        if held.waiting() == 0 && !held.closed {
            self.balance.unmark();
        }
    }

    /// Finds what has to be left at least before somebody can be granted something: the smallest of those
    /// that `grant` looks at.
    pub(super) fn find_least(&self, held: &mut Counter<'_>) {
        let looked_at = match held.order {
            Order::Fifo => 1,
            Order::Fair { .. } => 1 + LOOK_AHEAD,
        };
        let mut least = u64::MAX >> 2;
        if held.waiting_in(0) < held.waiting() {
            // Scopes have bytes of their own.
            least = 0;
        } else {
            held.look_at(0, looked_at, |demand| {
                least = least.min(demand.bytes() as u64)
            });
        }
        self.set_least(least);
    }

    /// Grants what can be granted, or as many as can be woken at once; whether there may be more.
    fn grant(&self, held: &mut Counter<'_>) -> bool {
        held.round += 1;
        let mut ahead = None;
        loop {
            if !held.has_room() {
                return true;
            }
            let Some(line) = self.next(held) else {
                break;
            };
            let Some(demand) = held.first(line).map(|(_, demand)| *demand) else {
                break;
            };
            let granted = match ahead {
                None => self.charge_all(&demand).map(|()| false),
                Some(_) => self.pass(held, [ahead, None], &demand),
            };
            match granted {
                Ok(beside) => {
                    answer(held, line, &demand, Ok(beside));
                    if ahead.is_none() {
                        self.count_passed(held, line, &demand);
                    }
                }
                Err(lack) => {
                    if lack == Lack::Short && ahead.is_none() {
                        ahead = Some(line);
                    }
                    let round = held.round;
                    held.scopes[line].stuck = round;
                }
            }
        }
        // Without anything left there is nothing to pass with.
        if held.order == Order::Fifo || self.balance.look().left <= 0 {
            return false;
        }
        let mut at = 0;
        while let Some(line) = held.active.get(at).copied() {
            at += 1;
            if self.grant_behind(held, ahead, line as usize) {
                return true;
            }
        }
        false
    }

    /// Grants what fits to those behind the first of `line`.
    fn grant_behind(&self, held: &mut Counter<'_>, ahead: Option<usize>, line: usize) -> bool {
        if held.waiting_in(line) < 2 {
            return false;
        }
        let order = held.order;
        let mut ahead = self.ahead(held, [ahead.filter(|other| *other != line), Some(line)]);
        let more = held.scan(line, 1, LOOK_AHEAD, |books, demand| {
            let beside = self.pass_by(order, &mut ahead, demand).ok()?;
            books.waits_no_longer(demand);
            Some(Ok(beside))
        });
        note(held, &ahead);
        more
    }

    /// The line whose first is next, of those that are not known to be stuck.
    fn next(&self, held: &mut Counter<'_>) -> Option<usize> {
        let mut best: Option<(usize, Rank)> = None;
        let mut at = 0;
        while let Some(line) = held.active.get(at).copied() {
            let line = line as usize;
            if held.waiting_in(line) == 0 {
                held.active.swap_remove(at);
                continue;
            }
            at += 1;
            let (order, round) = (held.order, held.round);
            let tenant = &held.scopes[line];
            let (stuck, weight) = (tenant.stuck == round, tenant.weight);
            let Some((_, demand)) = held.first(line).filter(|_| !stuck) else {
                continue;
            };
            let rank = Rank {
                overdue: match order {
                    Order::Fifo => true,
                    Order::Fair { most_passed } => demand.passed >= most_passed,
                },
                borrowed: match line {
                    0 => self.unscoped(),
                    line => self.account(line as u32).borrowed(),
                },
                weight,
                key: demand.key,
            };
            if best.as_ref().is_none_or(|(_, best)| rank.is_before(best)) {
                best = Some((line, rank));
            }
        }
        best.map(|(line, _)| line)
    }

    /// The firsts of all other lines were passed.
    fn count_passed(&self, held: &mut Counter<'_>, by: usize, granted: &Demand) {
        if held.active.len() < 2 || self.shared_need(granted, true) == 0 {
            return;
        }
        for at in 0..held.active.len() {
            let line = held.active[at] as usize;
            if line != by
                && let Some((_, demand)) = held.first(line)
            {
                demand.passed = demand.passed.saturating_add(1);
            }
        }
    }

    /// Whether something may be set aside that all who wait could have had: nobody was passed too often.
    pub(super) fn may_pass_all(&self, held: &mut Counter<'_>) -> bool {
        let most_passed = match held.order {
            Order::Fifo => 0,
            Order::Fair { most_passed } => most_passed,
        };
        let lines = held.scopes.len();
        (0..lines).all(|line| {
            let first = held.first(line);
            first.is_none_or(|(_, demand)| demand.passed < most_passed)
        })
    }

    /// All who are first were passed.
    pub(super) fn count_passed_all(&self, held: &mut Counter<'_>) {
        for line in 0..held.scopes.len() {
            if let Some((_, demand)) = held.first(line) {
                demand.passed = demand.passed.saturating_add(1);
            }
        }
    }

    /// What has to be known of those who would be passed.
    fn ahead(&self, held: &mut Counter<'_>, lines: [Option<usize>; 2]) -> Ahead {
        let most_passed = match held.order {
            Order::Fifo => 0,
            Order::Fair { most_passed } => most_passed,
        };
        let mut ahead = Ahead {
            lines,
            passes: most_passed,
            ..Ahead::default()
        };
        for line in lines.into_iter().flatten() {
            let Some(demand) = held.first(line).map(|(_, demand)| *demand) else {
                continue;
            };
            ahead.need = ahead.need.max(self.shared_need(&demand, false));
            ahead.passes = ahead.passes.min(most_passed.saturating_sub(demand.passed));
            ahead.limited |= self.lacks(&demand) == Some(Lack::Limit);
        }
        ahead
    }

    /// Charges `demand` although those in `lines` are ahead of it, if it may pass; whether beside them.
    fn pass(
        &self,
        held: &mut Counter<'_>,
        lines: [Option<usize>; 2],
        demand: &Demand,
    ) -> Result<bool, Lack> {
        let order = held.order;
        let mut ahead = self.ahead(held, lines);
        let passed = self.pass_by(order, &mut ahead, demand);
        note(held, &ahead);
        passed
    }

    fn pass_by(&self, order: Order, ahead: &mut Ahead, demand: &Demand) -> Result<bool, Lack> {
        let own_line = ahead.lines.contains(&Some(demand.line()));
        if !own_line && self.shared_need(demand, false) == 0 {
            return self.charge_all(demand).map(|()| false);
        }
        if order == Order::Fifo {
            return Err(Lack::Short);
        }
        let bytes = demand.bytes() as u64;
        let sum = self
            .beside()
            .saturating_add(bytes)
            .saturating_add(ahead.need);
        if !ahead.limited && sum <= self.shared() {
            self.charge_all(demand)?;
            self.count_beside(bytes);
            return Ok(true);
        }
        if ahead.passes > 0 {
            self.charge_all(demand)?;
            ahead.passes -= 1;
            ahead.passed += 1;
            return Ok(false);
        }
        Err(Lack::Short)
    }

    /// What `demand` lacks now, if it lacks anything.
    pub(super) fn lacks(&self, demand: &Demand) -> Option<Lack> {
        let limited = demand.parts().iter().any(|(number, bytes)| {
            let account = (*number != 0).then(|| self.account(*number));
            account.is_some_and(|account| account.charge(*bytes as u64, true).is_err())
        });
        if limited {
            return Some(Lack::Limit);
        }
        let left = self.balance.look().left.max(0) as u64;
        (self.shared_need(demand, false) > left).then_some(Lack::Short)
    }

    /// Charges `demand` at once if nobody is ahead of it, or if it may pass those who are; whether beside
    /// them. The caller has looked whether it is closed.
    pub(super) fn admit(&self, held: &mut Counter<'_>, demand: &Demand) -> Result<bool, Lack> {
        if held.waiting() == 0 || seeded("budget: nobody is asked who waits") {
            return self.charge_all(demand).map(|()| false);
        }
        let in_line = held.waiting_in(demand.line());
        let own = (in_line > 0).then(|| demand.line());
        if in_line == held.waiting() {
            // The usual case: there is one line.
            return self.pass(held, [None, own], demand);
        }
        held.round += 1;
        // Those who wait for their scope's limit are ahead of nobody but their own line.
        let next = loop {
            let Some(line) = self.next(held) else {
                break None;
            };
            let first = held.first(line).map(|(_, demand)| *demand);
            if first.is_none_or(|first| self.lacks(&first) != Some(Lack::Limit)) {
                break Some(line);
            }
            let round = held.round;
            held.scopes[line].stuck = round;
        };
        if next.is_none() && own.is_none() {
            return self.charge_all(demand).map(|()| false);
        }
        self.pass(held, [next.filter(|next| Some(*next) != own), own], demand)
    }
}

/// Answers the first of `line`.
fn answer(held: &mut Counter<'_>, line: usize, demand: &Demand, answer: Answer) {
    held.waits_no_longer(demand);
    held.answer_first(line, answer);
}

/// Writes down how often those ahead were passed.
fn note(held: &mut Counter<'_>, ahead: &Ahead) {
    if ahead.passed == 0 {
        return;
    }
    for line in ahead.lines.into_iter().flatten() {
        if let Some((_, demand)) = held.first(line) {
            demand.passed = demand.passed.saturating_add(ahead.passed);
        }
    }
}

/// What decides who is next.
#[derive(Debug)]
struct Rank {
    /// Was passed as often as may be.
    overdue: bool,
    /// What its scope has of the shared part, and its weight.
    borrowed: u64,
    weight: u32,
    key: u64,
}

impl Rank {
    fn is_before(&self, other: &Self) -> bool {
        match (self.overdue, other.overdue) {
            (true, true) => self.key < other.key,
            (false, false) => {
                let mine = u128::from(self.borrowed) * u128::from(other.weight);
                let theirs = u128::from(other.borrowed) * u128::from(self.weight);
                (mine, self.key) < (theirs, other.key)
            }
            (overdue, _) => overdue,
        }
    }
}
