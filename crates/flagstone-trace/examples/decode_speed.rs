//! Writes and reads ten million events in memory and prints what that took.
//!
//! `cargo run --release -p flagstone-trace --example decode_speed`

use std::time::Instant;

use flagstone_trace::{
    Event, EventKind, Header, LiveStats, ObjectId, Reader, Summary, ThreadNumber, Validator, Writer,
};

const EVENTS: u64 = 10_000_000;

/// A small generator (xorshift64): four threads, sizes that repeat, mostly short lives.
struct Program {
    state: u64,
    live: Vec<ObjectId>,
    objects: u64,
    time_ns: u64,
    threads: u32,
}

impl Program {
    fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn event(&mut self) -> Event {
        let random = self.random();
        self.time_ns += 20 + random % 180;
        let thread = ((random >> 16) % 4 * u64::from(random >> 40 & 15 == 0)) as u32;
        let thread = thread.min(self.threads);
        self.threads = self.threads.max(thread + 1);
        let full = self.live.len() > 50_000;
        let kind = if self.live.is_empty() || (!full && random >> 8 & 1 == 0) {
            let object = ObjectId(self.objects);
            self.objects += 1;
            self.live.push(object);
            let size = [16, 24, 32, 48, 64, 100, 200, 1000][(random >> 20 & 7) as usize];
            EventKind::Alloc {
                object,
                size,
                align: 16,
                zeroed: random >> 30 & 15 == 0,
            }
        } else {
            let depth = (random >> 24) as usize % self.live.len().min(64);
            EventKind::Free {
                object: self.live.swap_remove(self.live.len() - 1 - depth),
            }
        };
        Event {
            thread: ThreadNumber(thread),
            time_ns: self.time_ns,
            kind,
        }
    }
}

fn main() -> Result<(), flagstone_trace::TraceError> {
    let mut program = Program {
        state: 1,
        live: Vec::new(),
        objects: 0,
        time_ns: 0,
        threads: 0,
    };
    let start = Instant::now();
    let mut writer = Writer::new(Vec::new(), Header::default())?;
    for _ in 0..EVENTS {
        writer.push(&program.event())?;
    }
    let bytes = writer.finish(Summary::default())?;
    println!("write     {:>7.2} s", start.elapsed().as_secs_f64());
    println!(
        "size      {:>7.2} bytes per event",
        bytes.len() as f64 / EVENTS as f64
    );
    timed("decode", &bytes, |_| Ok(()))?;
    let mut validator = Validator::default();
    timed("validate", &bytes, |event| validator.check(event))?;
    let mut stats = LiveStats::default();
    timed("stats", &bytes, |event| stats.push(event))
}

fn timed(
    what: &str,
    bytes: &[u8],
    mut each: impl FnMut(&Event) -> Result<(), flagstone_trace::TraceError>,
) -> Result<(), flagstone_trace::TraceError> {
    let start = Instant::now();
    let mut reader = Reader::new(bytes)?;
    let mut block = Vec::new();
    while reader.next_block(&mut block)? {
        block.iter().try_for_each(&mut each)?;
    }
    println!("{what:<9} {:>7.2} s", start.elapsed().as_secs_f64());
    Ok(())
}
