//! What recording costs the recorded program per event, in processor time: a program that does nothing
//! but allocate and free, with and without the recorder, in turn. The median of the rounds and the best.
//!
//! `cargo run --release -p flagstone-record --example cost`

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::path::Path;

use flagstone_record::{RecordCommand, record};

const ROUNDS: usize = 7;
/// Pairs of an allocation and a free.
const PAIRS: u64 = 2_000_000;
/// Objects alive at once.
const LIVE: usize = 64;
/// Calls between `main` and the allocation.
const DEPTH: u32 = 10;

/// What is compared, and how it is asked for.
type Way = (&'static str, fn(RecordCommand) -> RecordCommand);

const WAYS: [Way; 5] = [
    ("everything", |command| command),
    ("with stacks, 8 deep", |command| command.stacks(8)),
    ("with stacks, 16 deep", |command| command.stacks(16)),
    ("sample, 64 KiB", |command| command.sample(64 << 10)),
    ("sample, with stacks", |command| {
        command.sample(64 << 10).stacks(16)
    }),
];

fn main() {
    let args: Vec<_> = std::env::args().collect();
    if let [_, work, result] = args.as_slice()
        && work == "work"
    {
        let ns = timed_work();
        std::fs::write(result, ns.to_string()).expect("the result can be written");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let result = folder.path().join("ns");
    let mut alone = Vec::new();
    let mut recorded = vec![Vec::new(); WAYS.len()];
    for _ in 0..ROUNDS {
        let program = std::env::current_exe().expect("this program");
        let mut command = std::process::Command::new(&program);
        command.arg("work").arg(&result).status().expect("it runs");
        alone.push(read(&result));
        for ((_, set), times) in WAYS.iter().zip(&mut recorded) {
            let command = RecordCommand::new(&program)
                .args(["work".as_ref(), result.as_os_str()])
                .output(folder.path().join("cost.flagtrace"));
            record(&set(command), &mut |_| {}).expect("this program can be recorded");
            times.push(read(&result));
        }
    }
    let events = 2.0 * PAIRS as f64;
    let least = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min) / events;
    println!("{:<22} {:>8} {:>8}   ns per event", "", "median", "best");
    let name = "without the recorder";
    println!(
        "{name:<22} {:>8.1} {:>8.1}",
        median(&alone) / events,
        least(&alone)
    );
    for ((name, _), times) in WAYS.iter().zip(&recorded) {
        // Each with the run without the recorder of its round: the machine's speed varies.
        let added: Vec<_> = times
            .iter()
            .zip(&alone)
            .map(|(with, without)| with - without)
            .collect();
        println!(
            "{name:<22} {:>+8.1} {:>+8.1}",
            median(&added) / events,
            least(&added)
        );
    }
}

fn read(result: &Path) -> f64 {
    let text = std::fs::read_to_string(result).expect("the program leaves a result");
    text.parse().expect("a number")
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Nanoseconds of the work, after a first part that is not counted.
fn timed_work() -> u64 {
    work(PAIRS / 10, DEPTH);
    let start = processor_ns();
    work(PAIRS, DEPTH);
    processor_ns() - start
}

/// Processor time of this process so far: what other programs do meanwhile does not count.
#[expect(unsafe_code, reason = "the clock is the C library's")]
fn processor_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for the write.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[inline(never)]
fn work(pairs: u64, depth: u32) -> u64 {
    if depth > 0 {
        return black_box(work(pairs, depth - 1)) + 1;
    }
    let mut live = [std::ptr::null_mut::<u8>(); LIVE];
    for pair in 0..pairs {
        let place = (pair as usize * 7) % LIVE;
        // The same size for the same place.
        let size = 16 + place * 8;
        let layout = layout(size);
        if !live[place].is_null() {
            free(live[place], layout);
        }
        live[place] = black_box(alloc(layout));
    }
    for (place, &object) in live
        .iter()
        .enumerate()
        .filter(|(_, object)| !object.is_null())
    {
        free(object, layout(16 + place * 8));
    }
    pairs
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 16).expect("a small size")
}

#[expect(unsafe_code, reason = "the C library's allocator is what is recorded")]
fn alloc(layout: Layout) -> *mut u8 {
    // SAFETY: the size is not 0.
    unsafe { System.alloc(layout) }
}

#[expect(unsafe_code, reason = "the C library's allocator is what is recorded")]
fn free(object: *mut u8, layout: Layout) {
    // SAFETY: `alloc` gave the object, for this layout, and it is freed once.
    unsafe { System.dealloc(object, layout) }
}
