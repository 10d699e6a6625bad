//! Does one thing with the global allocator that no program may do, and says what came of it, if it comes so far.
//!
//! ```text
//! misuse                     names what it can do
//! misuse free-twice          does it: `both blocks are one`
//! ```
//!
//! `benches/heap-safety.sh` builds it with each allocator, and makes a table.

#![expect(unsafe_code, reason = "that is what is looked at")]
#![expect(
    clippy::disallowed_methods,
    reason = "calls the global allocator, whichever it is"
)]

use std::{
    alloc::{Layout, alloc, dealloc},
    env, iter, process, thread,
};

use anyhow::{Context as _, Result};

#[path = "../allocator.rs"]
mod allocator;

/// Something that no program may do; what came of it.
struct Misuse {
    name: &'static str,
    what: &'static str,
    act: fn() -> &'static str,
}

const ALL: &[Misuse] = &[
    Misuse {
        name: "free-twice",
        what: "a block is freed twice, one free behind the other",
        act: || freed_twice(|_| ()),
    },
    Misuse {
        name: "free-twice-later",
        what: "a block is freed twice, another in between",
        act: || freed_twice(|other| free(other, SMALL)),
    },
    Misuse {
        name: "free-twice-elsewhere",
        what: "a block is freed by its thread and then by another",
        act: freed_elsewhere,
    },
    Misuse {
        name: "free-twice-large",
        what: "a block of 5 MiB is freed twice",
        act: || {
            let block = block(LARGE);
            free(block, LARGE);
            free(block, LARGE);
            again(LARGE)
        },
    },
    Misuse {
        name: "free-inside",
        what: "an address inside of a block is freed",
        act: || {
            let block = block(SMALL);
            free(block.wrapping_add(16), SMALL);
            again(SMALL)
        },
    },
    Misuse {
        name: "free-static",
        what: "the address of a static is freed",
        act: || {
            static mut WORDS: [u64; 64] = [0; 64];
            free((&raw mut WORDS).cast(), SMALL);
            again(SMALL)
        },
    },
    Misuse {
        name: "write-freed",
        what: "the first word of a freed block is overwritten, and blocks are allocated",
        act: || written_when_freed(|_| 0x1234_5678),
    },
    Misuse {
        name: "forge-link",
        what: "the first word of a freed block becomes the address of a block in use",
        act: || written_when_freed(|used| used.expose_provenance()),
    },
    Misuse {
        name: "read-freed",
        what: "a freed block is read",
        act: || {
            let block = block(SMALL);
            write(block, 40, 42);
            free(block, SMALL);
            match read(block, 40) {
                42 => "old contents",
                0 => "zeros",
                _ => "other contents",
            }
        },
    },
    Misuse {
        name: "read-freed-large",
        what: "a freed block of 5 MiB is read",
        act: || {
            let block = block(LARGE);
            write(block, 1 << 20, 42);
            free(block, LARGE);
            match read(block, 1 << 20) {
                42 => "old contents",
                0 => "zeros",
                _ => "other contents",
            }
        },
    },
    Misuse {
        name: "overrun-small",
        what: "8 bytes behind a block of 64 bytes are written, and it is freed",
        act: || {
            let block = block(SMALL);
            write(block, 64, 42);
            free(block, SMALL);
            again(SMALL)
        },
    },
    Misuse {
        name: "overrun-middle",
        what: "64 KiB behind a block of 100 KiB are written",
        act: || overrun(MIDDLE, 64 << 10),
    },
    Misuse {
        name: "overrun-large",
        what: "64 KiB behind a block of 5 MiB are written",
        act: || overrun(LARGE, 64 << 10),
    },
    Misuse {
        name: "guess",
        what: "the next block's address is known beforehand",
        act: || {
            let blocks: Vec<_> = (0..32).map(|_| block(SMALL).addr()).collect();
            let step = blocks[31].wrapping_sub(blocks[30]);
            let steps = blocks.windows(2).map(|two| two[1].wrapping_sub(two[0]));
            let alike = steps.filter(|&other| other == step).count();
            if alike > 16 {
                "as known"
            } else {
                "not as known"
            }
        },
    },
];

const SMALL: Layout = layout(64);
const MIDDLE: Layout = layout(100 << 10);
const LARGE: Layout = layout(5 << 20);

const fn layout(size: usize) -> Layout {
    match Layout::from_size_align(size, 8) {
        Ok(layout) => layout,
        Err(_) => panic!("a small size"),
    }
}

fn main() -> Result<()> {
    let Some(wanted) = env::args().nth(1) else {
        ALL.iter()
            .for_each(|misuse| println!("{} {}", misuse.name, misuse.what));
        return Ok(());
    };
    let misuse = ALL.iter().find(|misuse| misuse.name == wanted);
    let misuse = misuse.with_context(|| format!("there is no misuse `{wanted}`"))?;
    // As a program that has done something before.
    let used: Vec<_> = (0..1000).map(|number| vec![0_u8; number]).collect();
    drop(used);
    println!("{}", (misuse.act)());
    // Nothing in disorder is looked at once more.
    process::exit(0)
}

fn block(layout: Layout) -> *mut u8 {
    let mut tries = 0;
    let block = loop {
        // SAFETY: the layout has a size.
        let block = unsafe { alloc(layout) };
        assert!(!block.is_null());
        tries += 1;
        // Where blocks are sampled, one that is.
        if is_chosen(block) || tries == 200 {
            break block;
        }
    };
    // SAFETY: so many bytes are there.
    unsafe { block.write_bytes(1, layout.size()) };
    block
}

/// Whether it is a block to take: any, or one that is sampled if many are.
#[cfg(feature = "flagstone")]
fn is_chosen(block: *mut u8) -> bool {
    let often = env::var_os("HEAP_OPTIONS").is_some_and(|wanted| wanted == "sampled_often");
    !often || allocator::GLOBAL.guarded_block(block).is_some()
}

#[cfg(not(feature = "flagstone"))]
fn is_chosen(_: *mut u8) -> bool {
    true
}

fn free(block: *mut u8, layout: Layout) {
    // SAFETY: none, some of the time: that is what is looked at.
    unsafe { dealloc(block, layout) };
}

fn write(block: *mut u8, offset: usize, word: usize) {
    // SAFETY: none, some of the time.
    unsafe {
        block
            .wrapping_add(offset)
            .cast::<usize>()
            .write_volatile(word)
    };
}

fn read(block: *mut u8, offset: usize) -> usize {
    // SAFETY: none, some of the time.
    unsafe { block.wrapping_add(offset).cast::<usize>().read_volatile() }
}

/// Goes on to use the allocator; whether two blocks are one.
fn again(layout: Layout) -> &'static str {
    let count = if layout.size() > SMALL.size() {
        8
    } else {
        2000
    };
    let mut blocks: Vec<_> = iter::repeat_with(|| block(layout)).take(count).collect();
    blocks.sort_unstable();
    let pairs = blocks.windows(2);
    let one = pairs.filter(|two| two[1].addr() - two[0].addr() < layout.size());
    if one.count() > 0 {
        "**two blocks are one**"
    } else {
        "–"
    }
}

fn freed_twice(between: fn(*mut u8)) -> &'static str {
    let (one, other) = (block(SMALL), block(SMALL));
    free(one, SMALL);
    between(other);
    free(one, SMALL);
    again(SMALL)
}

fn freed_elsewhere() -> &'static str {
    let one = block(SMALL).expose_provenance();
    free(std::ptr::with_exposed_provenance_mut(one), SMALL);
    let other = thread::spawn(move || free(std::ptr::with_exposed_provenance_mut(one), SMALL));
    other.join().expect("it does not panic");
    again(SMALL)
}

fn written_when_freed(word: fn(*mut u8) -> usize) -> &'static str {
    let (used, freed, last) = (block(SMALL), block(SMALL), block(SMALL));
    free(freed, SMALL);
    free(last, SMALL);
    write(freed, 0, word(used));
    let count = 2000;
    let taken: Vec<_> = iter::repeat_with(|| block(SMALL)).take(count).collect();
    if taken.contains(&used) {
        "**a block in use is given out**"
    } else {
        "–"
    }
}

fn overrun(layout: Layout, bytes: usize) -> &'static str {
    let block = block(layout);
    for offset in (0..bytes).step_by(4096) {
        write(block, layout.size() + offset, 42);
    }
    "–"
}
