//! An order book: orders arrive, wait, are cancelled or matched, millions of times a day, and the
//! slowest one counts.
//!
//! `cargo run --release --example order_book`
//!
//! The same messages go through a book whose orders are boxes and through one whose orders lie in a
//! `GrowingPool`. Besides the time of a message it prints the slowest message of each book: a pool
//! that is large enough never asks the allocator for anything.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::DerefMut,
    time::{Duration, Instant},
};

use flagstone::{GrowingPool, pool::GrowingHandle};
use flagstone_examples::race::{Contender, Outcome, Random, print, quick, race};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Buy,
    Sell,
}

/// An order that waits.
#[derive(Debug)]
struct Order {
    id: u64,
    quantity: u32,
    #[expect(dead_code, reason = "what else an exchange keeps")]
    account: [u64; 6],
}

#[derive(Clone, Copy, Debug)]
enum Message {
    /// Buys or sells at this price or a better one; what finds nobody waits.
    Limit {
        id: u64,
        side: Side,
        price: u32,
        quantity: u32,
    },
    /// Takes a waiting order away.
    Cancel { id: u64 },
}

/// Where orders are placed.
trait Place {
    type Handle<'p>: DerefMut<Target = Order>
    where
        Self: 'p;

    fn place(&self, order: Order) -> Option<Self::Handle<'_>>;
}

struct Boxes;

impl Place for Boxes {
    type Handle<'p> = Box<Order>;

    fn place(&self, order: Order) -> Option<Box<Order>> {
        Some(Box::new(order))
    }
}

impl Place for GrowingPool<Order> {
    type Handle<'p> = GrowingHandle<'p, Order>;

    fn place(&self, order: Order) -> Option<Self::Handle<'_>> {
        self.alloc(order).ok()
    }
}

/// The orders of one price, first come, first served.
type Level<'p, P> = VecDeque<<P as Place>::Handle<'p>>;

struct Book<'p, P: Place> {
    place: &'p P,
    buys: BTreeMap<u32, Level<'p, P>>,
    sells: BTreeMap<u32, Level<'p, P>>,
    waiting: HashMap<u64, (Side, u32)>,
    traded: u64,
    refused: u64,
}

impl<'p, P: Place> Book<'p, P> {
    fn new(place: &'p P) -> Self {
        Self {
            place,
            buys: BTreeMap::new(),
            sells: BTreeMap::new(),
            waiting: HashMap::new(),
            traded: 0,
            refused: 0,
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Limit {
                id,
                side,
                price,
                quantity,
            } => {
                let left = self.fill(side, price, quantity);
                if left > 0 {
                    self.wait(id, side, price, left);
                }
            }
            Message::Cancel { id } => self.cancel(id),
        }
    }

    /// Trades with those who wait on the other side; what is left.
    fn fill(&mut self, side: Side, price: u32, mut quantity: u32) -> u32 {
        while quantity > 0 {
            let best = match side {
                Side::Buy => self
                    .sells
                    .first_entry()
                    .filter(|level| *level.key() <= price),
                Side::Sell => self.buys.last_entry().filter(|level| *level.key() >= price),
            };
            let Some(mut level) = best else { break };
            let Some(order) = level.get_mut().front_mut() else {
                level.remove();
                continue;
            };
            let traded = quantity.min(order.quantity);
            quantity -= traded;
            order.quantity -= traded;
            self.traded += u64::from(traded) * u64::from(*level.key());
            if level.get().front().is_some_and(|order| order.quantity == 0)
                && let Some(done) = level.get_mut().pop_front()
            {
                self.waiting.remove(&done.id);
            }
        }
        quantity
    }

    fn wait(&mut self, id: u64, side: Side, price: u32, quantity: u32) {
        let order = Order {
            id,
            quantity,
            account: [id; 6],
        };
        let Some(handle) = self.place.place(order) else {
            self.refused += 1;
            return;
        };
        self.side(side).entry(price).or_default().push_back(handle);
        self.waiting.insert(id, (side, price));
    }

    fn cancel(&mut self, id: u64) {
        let Some((side, price)) = self.waiting.remove(&id) else {
            return;
        };
        if let Some(level) = self.side(side).get_mut(&price)
            && let Some(at) = level.iter().position(|order| order.id == id)
        {
            drop(level.remove(at));
        }
    }

    fn side(&mut self, side: Side) -> &mut BTreeMap<u32, Level<'p, P>> {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    /// A number that depends on all that happened.
    fn checksum(&self) -> u64 {
        let levels = self.buys.iter().chain(&self.sells);
        levels.fold(self.traded ^ self.refused, |sum, (price, level)| {
            level
                .iter()
                .fold(sum.rotate_left(3) ^ u64::from(*price), |sum, order| {
                    sum.wrapping_mul(31) ^ order.id ^ u64::from(order.quantity)
                })
        })
    }
}

/// What a day brings: prices near the middle, and half of all orders cancelled again.
fn messages(count: usize) -> Vec<Message> {
    let mut random = Random::new(7);
    (0..count as u64)
        .map(|id| {
            if random.below(2) == 0 {
                let back = 1 + random.below(4000);
                return Message::Cancel {
                    id: id.saturating_sub(back),
                };
            }
            let side = if random.below(2) == 0 {
                Side::Buy
            } else {
                Side::Sell
            };
            let away = random.below(60) as u32;
            Message::Limit {
                id,
                side,
                price: match side {
                    Side::Buy => 1010 - away,
                    Side::Sell => 990 + away,
                },
                quantity: 1 + random.below(100) as u32,
            }
        })
        .collect()
}

fn replay<P: Place>(place: &P, messages: &[Message]) -> u64 {
    let mut book = Book::new(place);
    messages.iter().for_each(|&message| book.handle(message));
    book.checksum()
}

/// The time of the slowest message but one in ten thousand.
fn slowest<P: Place>(place: &P, messages: &[Message]) -> Duration {
    let mut book = Book::new(place);
    let mut times: Vec<_> = messages
        .iter()
        .map(|&message| {
            let start = Instant::now();
            book.handle(message);
            start.elapsed()
        })
        .collect();
    times.sort();
    let at = times.len().saturating_sub(1 + times.len() / 10_000);
    times.get(at).copied().unwrap_or_default()
}

fn compare(messages: &[Message], rounds: usize) -> Vec<Outcome> {
    let pool = GrowingPool::new(messages.len() / 4);
    race(
        rounds,
        &mut [
            Contender::new("Box", || replay(&Boxes, messages)),
            Contender::new("GrowingPool", || replay(&pool, messages)),
        ],
    )
}

fn main() {
    let (count, rounds) = if quick() { (2_000, 3) } else { (300_000, 15) };
    println!("{count} messages, {rounds} rounds");
    let messages = messages(count);
    print(&compare(&messages, rounds), count as u64, "message");
    let pool = GrowingPool::new(count / 4);
    // In turn as well: a disturbance of the machine meets both.
    let mut worst = [Duration::MAX; 2];
    for _ in 0..rounds {
        worst[0] = worst[0].min(slowest(&Boxes, &messages));
        worst[1] = worst[1].min(slowest(&pool, &messages));
    }
    println!("the slowest of 10,000 messages, in the best round:");
    println!("Box {:?}, GrowingPool {:?}", worst[0], worst[1]);
    if cfg!(debug_assertions) {
        println!("This is a debug build: add --release for times that mean something.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_books_trade_the_same() {
        let outcomes = compare(&messages(3000), 2);
        assert_eq!(outcomes[0].result, outcomes[1].result);
    }

    #[test]
    fn orders_are_matched_first_come_first_served() {
        let pool = GrowingPool::new(4);
        let mut book = Book::new(&pool);
        let limit = |id, side, price, quantity| Message::Limit {
            id,
            side,
            price,
            quantity,
        };
        book.handle(limit(1, Side::Sell, 100, 5));
        book.handle(limit(2, Side::Sell, 99, 5));
        book.handle(limit(3, Side::Sell, 100, 5));
        book.handle(Message::Cancel { id: 9 });
        assert_eq!(pool.in_use(), 3);
        book.handle(limit(4, Side::Buy, 100, 7)); // 5 at 99, 2 at 100 from order 1
        assert_eq!((book.traded, pool.in_use()), (5 * 99 + 2 * 100, 2));
        book.handle(Message::Cancel { id: 1 });
        book.handle(limit(5, Side::Buy, 100, 9)); // 5 from order 3, 4 wait
        assert_eq!((pool.in_use(), book.buys[&100][0].quantity), (1, 4));
        drop(book);
        assert!(pool.is_empty());
    }
}
