//! Numbers of call sites: each stack of return addresses is written once and has a number, a hash.
//!
//! A table that all threads share knows the numbers that were written. A stack enters it after it
//! was written, so a record never names a stack that is lost when the process is killed. When the
//! table has no room, further stacks are unknown: number 0.

use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::format::{DEPTH_LIMIT, WORD, segment, site};
use crate::process::{Growth, Process};
use crate::segment::Segment;
use crate::sys::Undisturbed;
use crate::unwind::{self, Object};
use crate::{file, sys};

/// Slots of the table, and how many are looked at for a number.
const SLOTS: usize = 1 << 20;
const PROBES: usize = 32;
/// Modules that are remembered as written. Others are written again with each new stack in them.
const KNOWN_MODULES: usize = 256;
/// How often a thread's stack is looked for before its stacks are cut to the caller: programs that
/// switch between stacks of their own would read the list of mappings all the time.
const MOST_LOOKUPS: u64 = 1000;

/// The table: memory that a forked child finds cleared. Null before the first recording.
static TABLE: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());

struct Table {
    numbers: [AtomicU64; SLOTS],
    /// Marks of modules that were written; touched with the process's lock held.
    modules: [AtomicU64; KNOWN_MODULES],
    /// An entry about a module, and its path; touched with the process's lock held. A thread's stack
    /// may be too small for them.
    entry: UnsafeCell<[u64; 4 + PATH_WORDS]>,
    path: UnsafeCell<[u8; site::PATH_LIMIT]>,
}

const PATH_WORDS: usize = site::PATH_LIMIT / WORD as usize;

// SAFETY: the cells are touched only by the holder of the process's lock, the rest is atomics.
unsafe impl Sync for Table {}

/// Makes the table. The caller is the one thread that starts the recording.
pub(crate) fn set_up() -> bool {
    // Relaxed, here and below: threads learn of the recording through `phase`, with its ordering.
    if TABLE.load(Ordering::Relaxed).is_null() {
        let Some(memory) = file::wiped_on_fork(size_of::<Table>()) else {
            return false;
        };
        TABLE.store(memory.cast().as_ptr(), Ordering::Relaxed);
    }
    unwind::set_up()
}

fn table() -> Option<&'static Table> {
    let table = NonNull::new(TABLE.load(Ordering::Relaxed))?;
    // SAFETY: `set_up` mapped the table for good, aligned and zeroed, which is a valid table.
    Some(unsafe { table.as_ref() })
}

/// The number of the stack of the program's call into the recorder, of at most `depth` addresses.
/// 0 when it is not known.
#[inline]
pub(crate) fn number_of_caller(process: &Process, thread: Segment, depth: usize) -> u64 {
    let mut addresses = [0; DEPTH_LIMIT];
    let limits = |stack: usize| stack_around(thread, stack);
    let found = unwind::walk(&mut addresses[..depth], limits);
    let addresses = &addresses[..found];
    let (Some(table), false) = (table(), addresses.is_empty()) else {
        return 0;
    };
    let number = hash(addresses);
    if table.knows(number) || write(process, table, number, addresses) {
        number
    } else {
        0
    }
}

impl Table {
    fn slots(&self, number: u64) -> impl Iterator<Item = &AtomicU64> {
        let first = number as usize % SLOTS;
        (0..PROBES).map(move |probe| &self.numbers[(first + probe) % SLOTS])
    }

    #[inline]
    fn knows(&self, number: u64) -> bool {
        // Relaxed: what the number means is read after the process has ended.
        let mut numbers = self.slots(number).map(|slot| slot.load(Ordering::Relaxed));
        numbers
            .by_ref()
            .take_while(|&known| known != 0)
            .any(|known| known == number)
    }
}

/// Writes a stack and then its number. Answers whether the number is known now.
#[cold]
fn write(process: &Process, table: &Table, number: u64, addresses: &[u64]) -> bool {
    let _undisturbed = Undisturbed::begin();
    process.locked(|growth| {
        if table.knows(number) {
            return true;
        }
        let free = |slot: &&AtomicU64| slot.load(Ordering::Relaxed) == 0;
        let Some(slot) = table.slots(number).find(free) else {
            return false;
        };
        for &address in addresses {
            if let Some(object) = unwind::object_at(address) {
                write_module(growth, table, &object);
            }
        }
        let mut words = [0; DEPTH_LIMIT + 2];
        words[0] = site::STACK | (addresses.len() as u64) << site::COUNT_SHIFT;
        words[1] = number;
        words[2..2 + addresses.len()].copy_from_slice(addresses);
        let written = growth.write_site(&words[..2 + addresses.len()]).is_ok();
        if written {
            slot.store(number, Ordering::Relaxed);
        }
        written
    })
}

/// Writes a module unless it is known. One that cannot be written is left out.
fn write_module(growth: &mut Growth, table: &Table, object: &Object) {
    // A module that was unloaded and another one at the same address are told apart by its bias
    // and end; that both are the same, is the same layout and most likely the same file.
    let mark = object.start.wrapping_mul(3) ^ object.end ^ object.bias.rotate_left(32);
    let known = |slot: &AtomicU64| slot.load(Ordering::Relaxed);
    if table.modules.iter().any(|slot| known(slot) == mark) {
        return;
    }
    // SAFETY: `growth` is lent by the lock, so its holder is here, and here only.
    let (words, own) = unsafe { (&mut *table.entry.get(), &mut *table.path.get()) };
    let path = match object.path.map_or(&[][..], CStr::to_bytes) {
        // The program itself has no name here.
        [] => sys::read_link(c"/proc/self/exe", own),
        path => &path[..path.len().min(site::PATH_LIMIT)],
    };
    words[0] = site::MODULE | (path.len() as u64) << site::COUNT_SHIFT;
    (words[1], words[2], words[3]) = (object.start, object.end, object.bias);
    for (word, bytes) in words[4..].iter_mut().zip(path.chunks(WORD as usize)) {
        let mut whole = [0; WORD as usize];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_ne_bytes(whole);
    }
    let len = 4 + path.len().div_ceil(WORD as usize);
    if growth.write_site(&words[..len]).is_ok()
        && let Some(slot) = table.modules.iter().find(|slot| known(slot) == 0)
    {
        slot.store(mark, Ordering::Relaxed);
    }
}

/// A hash that is never 0. Different stacks with one hash would be told as one; with 64 bits and
/// at most a million stacks the odds are one to 30 million.
#[inline]
fn hash(addresses: &[u64]) -> u64 {
    let mut hash = addresses.len() as u64;
    for &address in addresses {
        hash = (hash.rotate_left(23) ^ address).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
    }
    hash.max(1)
}

/// The first address and the one behind the last of the memory around `stack`, a place in the
/// stack that the thread is on. `None` when that is not known.
#[inline]
fn stack_around(thread: Segment, stack: usize) -> Option<(usize, usize)> {
    let low = thread.word(segment::STACK_LOW).load(Ordering::Relaxed) as usize;
    let high = thread.word(segment::STACK_HIGH).load(Ordering::Relaxed) as usize;
    if (low..high).contains(&stack) {
        Some((low, high))
    } else {
        look_up_stack(thread, stack)
    }
}

#[cold]
fn look_up_stack(thread: Segment, stack: usize) -> Option<(usize, usize)> {
    let lookups = thread.word(segment::LOOKUPS).load(Ordering::Relaxed);
    if lookups >= MOST_LOOKUPS {
        return None;
    }
    thread
        .word(segment::LOOKUPS)
        .store(lookups + 1, Ordering::Relaxed);
    let _undisturbed = Undisturbed::begin();
    let (low, high) = mapping_around(stack)?;
    thread
        .word(segment::STACK_LOW)
        .store(low as u64, Ordering::Relaxed);
    thread
        .word(segment::STACK_HIGH)
        .store(high as u64, Ordering::Relaxed);
    Some((low, high))
}

/// The mapping that `address` is in, from the system's list: lines that start with two numbers in
/// base 16 and end, for the first thread's stack, with `[stack]`. That one grows downwards into memory
/// that nothing else uses.
fn mapping_around(address: usize) -> Option<(usize, usize)> {
    let (mut ends, mut field, mut found) = ([0usize; 2], 0, None);
    let (mut in_line, mut last) = (false, [0u8; 8]);
    file::read_pieces(c"/proc/self/maps", |piece| {
        for &byte in piece {
            last.rotate_left(1);
            last[7] = byte;
            match (byte, field) {
                (b'\n', _) => {
                    if in_line {
                        let grows = last == *b"[stack]\n";
                        let low = if grows {
                            ends[1] - sys::stack_limit().min(ends[1])
                        } else {
                            ends[0]
                        };
                        found = Some((low.min(ends[0]), ends[1]));
                        return true;
                    }
                    (ends, field) = ([0; 2], 0);
                }
                (b'-' | b' ', 0 | 1) => {
                    field += 1;
                    in_line = field == 2 && (ends[0]..ends[1]).contains(&address);
                }
                (_, 0 | 1) => {
                    let digit = (byte as char).to_digit(16).unwrap_or(0);
                    ends[field] = ends[field] << 4 | digit as usize;
                }
                _ => {}
            }
        }
        false
    });
    found
}
