//! Connection objects: dear to make, cheap to make as good as new.
//!
//! `cargo run --release --example connections`
//!
//! A server answers requests, each on an object with buffers and a table of headers. One server makes
//! the object anew for every request, as a box; the other acquires it from a `RecyclePool`, where it
//! stays constructed, buffers and all, and is reset when it is released. A connection that broke is
//! found invalid and replaced.

use std::cell::Cell;

use flagstone::{BufferPool, RecyclePool, pool::Recycle};
use flagstone_examples::race::{Contender, Outcome, Random, print, quick, race};

/// Bytes of the buffers of a connection.
const BUFFER: usize = 4096;

/// What a request is parsed into, and its answer.
#[derive(Debug)]
struct Connection {
    headers: Vec<(String, String)>,
    used: usize,
    answer: Vec<u8>,
    broken: bool,
}

impl Connection {
    fn new() -> Self {
        Self {
            headers: Vec::with_capacity(32),
            used: 0,
            answer: Vec::with_capacity(BUFFER),
            broken: false,
        }
    }

    /// Headers keep their strings' memory: those from `used` on are left over from before.
    fn header(&mut self, name: &str, value: &str) {
        if self.used == self.headers.len() {
            self.headers.push((String::new(), String::new()));
        }
        let (own_name, own_value) = &mut self.headers[self.used];
        own_name.clear();
        own_name.push_str(name);
        own_value.clear();
        own_value.push_str(value);
        self.used += 1;
    }

    fn handle(&mut self, request: &str) -> u64 {
        for line in request.lines() {
            if let Some((name, value)) = line.split_once(": ") {
                self.header(name, value);
            }
        }
        self.answer.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        for (name, value) in &self.headers[..self.used] {
            self.answer.extend_from_slice(name.as_bytes());
            self.answer.extend_from_slice(b"=");
            self.answer.extend_from_slice(value.as_bytes());
            self.answer.extend_from_slice(b"\r\n");
        }
        let sum = |sum: u64, byte: &u8| sum.rotate_left(5) ^ u64::from(*byte);
        self.answer.iter().fold(self.used as u64, sum)
    }
}

/// Makes connections, and makes them as good as new.
#[derive(Debug, Default)]
struct Connect {
    made: Cell<usize>,
    discarded: Cell<usize>,
}

impl Recycle<Connection> for Connect {
    fn create(&self) -> Connection {
        self.made.set(self.made.get() + 1);
        Connection::new()
    }

    fn reset(&self, connection: &mut Connection) {
        connection.used = 0;
        connection.answer.clear();
    }

    fn is_valid(&self, connection: &Connection) -> bool {
        !connection.broken
    }

    fn discard(&self, connection: Connection) {
        self.discarded.set(self.discarded.get() + 1);
        drop(connection);
    }
}

/// Requests of different lengths; the text of each is what `number` says.
fn requests(count: usize) -> Vec<String> {
    let mut random = Random::new(3);
    (0..count)
        .map(|number| {
            let lines = 4 + random.below(12);
            let header = |line| format!("header-{line}: value {number} of {line}\n");
            (0..lines).map(header).collect()
        })
        .collect()
}

/// Every hundredth connection breaks.
fn breaks(number: usize) -> bool {
    number % 100 == 99
}

fn boxed(requests: &[String]) -> u64 {
    let mut sum = 0_u64;
    for request in requests {
        let mut connection = Box::new(Connection::new());
        sum = sum.rotate_left(1) ^ connection.handle(request);
    }
    sum
}

fn recycled(pool: &RecyclePool<Connection, Connect>, requests: &[String]) -> u64 {
    let mut sum = 0_u64;
    for (number, request) in requests.iter().enumerate() {
        let Ok(mut connection) = pool.acquire() else {
            continue;
        };
        sum = sum.rotate_left(1) ^ connection.handle(request);
        connection.broken = breaks(number);
    }
    sum
}

fn compare(requests: &[String], rounds: usize) -> Vec<Outcome> {
    let pool = RecyclePool::new(16, Connect::default());
    race(
        rounds,
        &mut [
            Contender::new("Box", || boxed(requests)),
            Contender::new("RecyclePool", || recycled(&pool, requests)),
        ],
    )
}

/// Copies the requests through plain buffers: a vector each, and buffers of a pool.
fn compare_buffers(requests: &[String], rounds: usize) -> Vec<Outcome> {
    let pool = BufferPool::<u8>::new(BUFFER, 16);
    let bytes = |sum: u64, copy: &[u8]| {
        let last = copy.last().copied().unwrap_or_default();
        sum.rotate_left(5) ^ u64::from(last) ^ copy.len() as u64
    };
    race(
        rounds,
        &mut [
            Contender::new("Vec", || {
                requests.iter().fold(0, |sum, request| {
                    let mut buffer = Vec::with_capacity(BUFFER);
                    buffer.extend_from_slice(request.as_bytes());
                    bytes(sum, &buffer)
                })
            }),
            Contender::new("BufferPool", || {
                requests.iter().fold(0, |sum, request| {
                    let Ok(mut buffer) = pool.alloc() else {
                        return sum;
                    };
                    let rest = buffer.extend_from_slice(request.as_bytes());
                    debug_assert!(rest.is_empty(), "requests are shorter than buffers");
                    bytes(sum, &buffer)
                })
            }),
        ],
    )
}

fn main() {
    let (count, rounds) = if quick() { (300, 3) } else { (20_000, 15) };
    println!("{count} requests, {rounds} rounds");
    let requests = requests(count);
    print(&compare(&requests, rounds), count as u64, "request");
    print(&compare_buffers(&requests, rounds), count as u64, "copy");
    if cfg!(debug_assertions) {
        println!("This is a debug build: add --release for times that mean something.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_servers_answer_the_same() {
        let requests = requests(250);
        let outcomes = compare(&requests, 2);
        assert_eq!(outcomes[0].result, outcomes[1].result);
        let outcomes = compare_buffers(&requests, 2);
        assert_eq!(outcomes[0].result, outcomes[1].result);
    }

    #[test]
    fn broken_connections_are_replaced_and_others_reused() {
        let pool = RecyclePool::new(16, Connect::default());
        let _ = recycled(&pool, &requests(250));
        let recycle = pool.recycle();
        // The 100th and the 200th broke, and somebody came after each.
        assert_eq!((recycle.made.get(), recycle.discarded.get()), (3, 2));
        assert_eq!((pool.in_use(), pool.idle()), (0, 1));
    }
}
