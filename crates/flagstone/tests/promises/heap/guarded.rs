//! Memory that nobody can touch lies where the options say, and what touches it is told what it was.

use std::{
    alloc::{GlobalAlloc, Layout},
    collections::HashSet,
    process::Output,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering},
};

use flagstone::{
    heap::{Heap, HeapOptions, LocalHeap, SharedHeap},
    provider::OsPages,
};
use libc::{c_int, c_void};

use super::{
    block::{Block, HEAP, layout, mixed, size_up_to, use_first},
    process::{again, apart},
};

static FENCED: Heap = Heap::with_options(HeapOptions::new().guard_pages(true));
static SAMPLED: Heap = Heap::with_options(HeapOptions::new().sampled(1));

/// Runs the test `name` again in another process, where `body` must not come to its end; what it said.
fn fails(name: &str, body: fn()) -> String {
    let Some(mut command) = again(name) else {
        // One that hangs is ended, and seen.
        // SAFETY: a number only.
        unsafe { libc::alarm(200) };
        body();
        // SAFETY: leaves at once, as if all were well.
        unsafe { libc::_exit(0) };
    };
    let Output { status, stderr, .. } = command.output().expect("a test can be started");
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert!(!status.success(), "it came to its end: {said}");
    said
}

/// Uses the heap in all ways.
fn work() {
    let mut blocks: Vec<Option<Block>> = (0..200).map(|_| None).collect();
    for n in 0..4000 {
        let random = mixed(n);
        let place = (random >> 40) as usize % blocks.len();
        let largest = if n % 200 == 0 { 23 } else { 13 };
        match &mut blocks[place] {
            Some(block) if random.is_multiple_of(3) => {
                assert!(block.realloc(size_up_to(largest, random)));
            }
            block => *block = Block::new(size_up_to(largest, random), 1 << (n % 8), n),
        }
    }
    drop(blocks);
    HEAP.purge();
}

#[test]
fn a_heap_with_guards_is_a_heap() {
    apart("heap::guarded::a_heap_with_guards_is_a_heap", || {
        use_first(&FENCED);
        work();
    });
}

#[test]
fn a_heap_with_samples_is_a_heap() {
    apart("heap::guarded::a_heap_with_samples_is_a_heap", || {
        use_first(&SAMPLED);
        work();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(work)).collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("no panic"));
    });
}

#[test]
fn a_strict_heap_with_all_of_it_is_a_heap() {
    static ALL: Heap = Heap::with_options(
        HeapOptions::new()
            .guard_pages(true)
            .sampled(1)
            .scattered(true)
            .checked(true)
            .zero_on_free(true)
            .quarantine(100_000),
    );
    apart(
        "heap::guarded::a_strict_heap_with_all_of_it_is_a_heap",
        || {
            use_first(&ALL);
            work();
        },
    );
}

/// Writes a byte so far from the start of a block of `size` bytes.
fn write_at(size: usize, offset: usize) {
    let block = Block::some(size, 1);
    // SAFETY: none: it is outside of the block, which is what is tested. Behind it lies nothing.
    unsafe { block.start().as_ptr().add(offset).write_volatile(1) };
}

#[test]
fn behind_a_run_nothing_can_be_touched() {
    fails("heap::guarded::behind_a_run_nothing_can_be_touched", || {
        use_first(&FENCED);
        write_at(100 << 10, 128 << 10);
    });
}

#[test]
fn behind_a_mapping_nothing_can_be_touched() {
    fails(
        "heap::guarded::behind_a_mapping_nothing_can_be_touched",
        || {
            use_first(&FENCED);
            let block = Block::some(5 << 20, 1);
            write_at(5 << 20, block.usable());
        },
    );
}

#[test]
fn behind_a_span_of_slots_nothing_can_be_touched() {
    fails(
        "heap::guarded::behind_a_span_of_slots_nothing_can_be_touched",
        || {
            use_first(&FENCED);
            // 64 slots of 1,024 bytes are a span.
            write_at(1024, 64 << 10);
        },
    );
}

/// The first block of `size` bytes that is guarded.
fn guarded(size: usize) -> NonNull<u8> {
    for _ in 0..10_000 {
        // SAFETY: the size is not 0.
        let block = unsafe { HEAP.alloc(layout(size, 8)) };
        if HEAP.guarded_block(block).is_some() {
            return NonNull::new(block).expect("it is known");
        }
    }
    panic!("none of 10,000 blocks is guarded")
}

/// Handlers run on a stack of their own. That of Rust's threads has no room for two, and on some processors hardly for
/// one.
fn report_faults() {
    const BYTES: usize = 256 << 10;
    let bottom = vec![0_u8; BYTES].leak().as_mut_ptr();
    let stack = libc::stack_t {
        ss_sp: bottom.cast(),
        ss_flags: 0,
        ss_size: BYTES,
    };
    // SAFETY: leaked.
    let set = unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
    assert!(set == 0 && HEAP.report_faults());
}

#[test]
fn what_uses_a_guarded_block_after_its_end_is_told_which() {
    let name = "heap::guarded::what_uses_a_guarded_block_after_its_end_is_told_which";
    let said = fails(name, || {
        use_first(&SAMPLED);
        report_faults();
        let block = guarded(40);
        // SAFETY: a block, with its layout.
        unsafe { HEAP.dealloc(block.as_ptr(), layout(40, 8)) };
        // SAFETY: none: it was freed.
        unsafe { block.as_ptr().add(3).write_volatile(1) };
    });
    assert!(said.contains("is byte 3 of a block of 40 bytes"), "{said}");
    for line in ["memory fault", ", freed\n", "allocated by\n", "freed by\n"] {
        assert!(said.contains(line), "{line} is not in {said}");
    }
    // Files and offsets, for tools that know symbols.
    assert!(
        said.lines().filter(|line| line.contains("+0x")).count() >= 6,
        "{said}"
    );
}

#[test]
fn what_runs_over_a_guarded_block_is_told_which() {
    let name = "heap::guarded::what_runs_over_a_guarded_block_is_told_which";
    let said = fails(name, || {
        use_first(&SAMPLED);
        report_faults();
        loop {
            // Some lie at the beginning of their page.
            let block = guarded(48);
            let end = block.as_ptr().wrapping_add(48);
            if end.addr().is_multiple_of(4096) {
                // SAFETY: none: it is behind the block.
                unsafe { end.write_volatile(1) };
            }
        }
    });
    assert!(
        said.contains("is 0 bytes behind the end of a block of 48 bytes"),
        "{said}"
    );
    assert!(
        said.contains(", in use\n") && !said.contains("freed by"),
        "{said}"
    );
}

#[test]
fn a_guarded_block_that_is_freed_twice_is_noticed() {
    let name = "heap::guarded::a_guarded_block_that_is_freed_twice_is_noticed";
    let said = fails(name, || {
        use_first(&SAMPLED);
        let block = guarded(40);
        for _ in 0..2 {
            // SAFETY: none for the second time.
            unsafe { HEAP.free(block) };
        }
    });
    assert!(said.contains("was freed twice"), "{said}");
}

#[test]
fn a_fault_that_is_no_block_is_left_to_others() {
    let name = "heap::guarded::a_fault_that_is_no_block_is_left_to_others";
    let said = fails(name, || {
        use_first(&SAMPLED);
        let _ = guarded(40);
        report_faults();
        assert!(HEAP.report_faults());
        // SAFETY: none: nothing is there.
        unsafe { std::ptr::without_provenance_mut::<u8>(64).write_volatile(1) };
    });
    assert!(!said.contains("memory fault"), "{said}");
}

/// A page that can be touched after the first fault in it, by the handler of a program; and one that the handler
/// touches itself.
static MENDED: AtomicUsize = AtomicUsize::new(0);
static TOUCHED: AtomicUsize = AtomicUsize::new(0);

/// A page of which nothing can be touched.
fn no_page() -> *mut u8 {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping.
    unsafe { libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_NONE, flags, -1, 0).cast() }
}

extern "C" fn mend(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    let other = TOUCHED.swap(0, Ordering::Relaxed);
    if other > 0 {
        // SAFETY: this handler makes it memory.
        unsafe { std::ptr::with_exposed_provenance_mut::<u8>(other).write_volatile(1) };
    }
    // SAFETY: the system's, of a fault.
    let address = unsafe { (*info).si_addr() };
    let page = address.map_addr(|address| address & !4095);
    MENDED.store(page.addr(), Ordering::Relaxed);
    // SAFETY: a page of this test, or a guarded one, which nobody else uses.
    let done = unsafe { libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_WRITE) };
    // SAFETY: ends the process.
    unsafe {
        if done != 0 || signal != libc::SIGSEGV {
            libc::_exit(3)
        }
    };
}

#[test]
fn a_handler_from_before_may_mend_a_fault() {
    let name = "heap::guarded::a_handler_from_before_may_mend_a_fault";
    let said = fails(name, || {
        use_first(&SAMPLED);
        // SAFETY: all zeros is one.
        let mut theirs: libc::sigaction = unsafe { std::mem::zeroed() };
        let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = mend;
        theirs.sa_sigaction = handler as usize;
        theirs.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
        TOUCHED.store(no_page().expose_provenance(), Ordering::Relaxed);
        // SAFETY: the handler makes one call.
        assert_eq!(0, unsafe {
            libc::sigaction(libc::SIGSEGV, &raw const theirs, std::ptr::null_mut())
        });
        report_faults();
        for _ in 0..2 {
            let page = no_page();
            // SAFETY: the handler makes it memory.
            unsafe { page.write_volatile(1) };
            assert_eq!(MENDED.load(Ordering::Relaxed), page.addr());
        }
        let block = guarded(40);
        // SAFETY: a block, with its layout.
        unsafe { HEAP.dealloc(block.as_ptr(), layout(40, 8)) };
        // What it says cannot be written, which is an error of another number.
        // SAFETY: the numbers are of this process, which has no other thread that writes.
        let kept = unsafe { libc::dup(2) };
        // SAFETY: as above.
        unsafe { libc::close(2) };
        // SAFETY: none: it was freed. The number is this thread's.
        let error = unsafe {
            *libc::__errno_location() = libc::EXDEV;
            block.as_ptr().write_volatile(1);
            *libc::__errno_location()
        };
        // SAFETY: as above.
        unsafe { libc::dup2(kept, 2) };
        assert_eq!(error, libc::EXDEV);
        let block = guarded(48);
        // SAFETY: a block, with its layout.
        unsafe { HEAP.dealloc(block.as_ptr(), layout(48, 8)) };
        // SAFETY: none: it was freed.
        unsafe { block.as_ptr().write_volatile(1) };
        panic!("the end");
    });
    assert!(said.contains("is byte 0 of a block of 48 bytes"), "{said}");
    assert!(said.contains("the end"), "{said}");
}

#[test]
fn a_guarded_block_has_what_was_asked_for() {
    let heap = LocalHeap::with_options_in(HeapOptions::new().sampled(1), OsPages);
    let mut seen = 0;
    for n in 0..4000 {
        let size = 1 + (mixed(n) % 3000) as usize;
        let asked = layout(size, 1 << (n % 5));
        let block = heap.alloc(asked).expect("there is memory");
        let Some(guarded) = heap.guarded_block(block.cast::<u8>().as_ptr()) else {
            // SAFETY: just allocated.
            unsafe { heap.free(block.cast()) };
            continue;
        };
        seen += 1;
        assert_eq!((guarded.size(), block.len()), (size, size));
        assert!(!guarded.is_freed());
        let start = block.cast::<u8>().as_ptr();
        assert!(start.addr().is_multiple_of(asked.align()));
        // SAFETY: all bytes are ours.
        unsafe { start.write_bytes(7, size) };
        // SAFETY: ours.
        let moved = unsafe { heap.resize(block.cast(), layout(size + 1, 1)) };
        let moved = moved.expect("there is memory").cast::<u8>();
        // SAFETY: so many bytes were kept.
        assert!((0..size).all(|at| unsafe { moved.as_ptr().add(at).read() } == 7));
        let before = heap.guarded_block(start).expect("its place is known");
        assert!(before.is_freed() || moved.as_ptr() == start);
        assert!(before.allocated_at().count() > 2 && before.freed_at().count() > 2);
        // SAFETY: ours.
        unsafe { heap.free(moved) };
    }
    assert!(seen > 0, "no block was guarded");
}

#[test]
fn about_as_many_are_guarded_as_asked_for() {
    let count = |every| {
        let heap = LocalHeap::with_options_in(HeapOptions::new().sampled(every), OsPages);
        let mut guarded = 0;
        for _ in 0..20_000 {
            // This one takes the slow way, and is too large.
            let block = heap
                .alloc(layout(100_000, 8))
                .expect("there is memory")
                .cast::<u8>();
            let small = heap
                .alloc(layout(24, 8))
                .expect("there is memory")
                .cast::<u8>();
            for block in [block, small] {
                guarded += u32::from(heap.guarded_block(block.as_ptr()).is_some());
                // SAFETY: just allocated.
                unsafe { heap.free(block) };
            }
        }
        guarded
    };
    assert_eq!(count(0), 0);
    let (some, few) = (count(100), count(1000));
    assert!(few > 0 && some > 3 * few, "{some} and {few}");
}

#[test]
fn a_shared_heap_guards_slow_ones() {
    let heap = SharedHeap::with_options_in(HeapOptions::new().sampled(1), OsPages);
    let guarded = (0..20_000).filter(|_| {
        let block = heap.alloc(layout(24, 8)).expect("there is memory");
        heap.guarded_block(block.cast::<u8>().as_ptr()).is_some()
    });
    assert!(guarded.count() > 0);
}

#[test]
fn what_a_thread_frees_while_blocks_are_chosen_goes_back() {
    let heap = LocalHeap::with_options_in(HeapOptions::new().sampled(1), OsPages);
    for round in 0..100 {
        let blocks: Vec<_> = (0..5000 + round)
            .map(|_| heap.alloc(layout(64, 8)).expect("there is memory").cast())
            .collect();
        for block in blocks {
            // SAFETY: allocated above.
            unsafe { heap.free(block) };
        }
        let stats = heap.stats();
        let spans: usize = stats.classes().map(|class| class.spans()).sum();
        assert!(spans <= 2, "{spans} spans of {} blocks", stats.blocks());
    }
}

#[test]
fn hardly_any_may_be_chosen() {
    let heap = LocalHeap::with_options_in(HeapOptions::new().sampled(u32::MAX), OsPages);
    for _ in 0..10_000 {
        let _ = heap.alloc(layout(64, 8)).expect("there is memory");
    }
}

#[test]
fn a_signal_that_is_sent_ends_the_process() {
    fails(
        "heap::guarded::a_signal_that_is_sent_ends_the_process",
        || {
            use_first(&SAMPLED);
            report_faults();
            // The first ends in the handler of Rust's runtime, which lets the next one pass.
            for _ in 0..2 {
                // SAFETY: a number only.
                unsafe { libc::raise(libc::SIGSEGV) };
            }
        },
    );
}

#[test]
fn what_writes_to_a_slot_that_another_thread_freed_is_noticed() {
    static CHECKED: Heap = Heap::with_options(HeapOptions::new().checked(true));
    let name = "heap::guarded::what_writes_to_a_slot_that_another_thread_freed_is_noticed";
    let said = fails(name, || {
        use_first(&CHECKED);
        // All slots of a span.
        let mut blocks: Vec<_> = (0..64).map(|n| Block::some(1024, n)).collect();
        let block = blocks.swap_remove(20);
        let start = block.start();
        std::thread::scope(|threads| threads.spawn(|| drop(block)).join().expect("no panic"));
        // SAFETY: none: it was freed.
        unsafe { start.cast::<usize>().write(12_345) };
        let _ = (Block::some(1024, 1), Block::some(1024, 2));
    });
    assert!(said.contains("was written to after it was freed"), "{said}");
}

#[test]
fn scattered_slots_come_in_no_order() {
    let orders: HashSet<Vec<isize>> = (0..4)
        .map(|_| {
            let heap = LocalHeap::with_options_in(HeapOptions::new().scattered(true), OsPages);
            let blocks: Vec<_> = (0..64)
                .map(|_| {
                    let block = heap
                        .alloc(Layout::new::<[u64; 8]>())
                        .expect("there is memory");
                    block.cast::<u8>().as_ptr().addr()
                })
                .collect();
            assert_eq!(blocks.iter().collect::<HashSet<_>>().len(), 64);
            let steps = blocks.windows(2);
            let steps: Vec<_> = steps
                .map(|pair| pair[1].wrapping_sub(pair[0]) as isize)
                .collect();
            assert!(steps.iter().any(|&step| step != 64), "one behind the other");
            steps
        })
        .collect();
    assert!(orders.len() > 1, "the same order for every heap");
}

#[test]
fn what_writes_to_a_slot_in_quarantine_is_noticed() {
    static KEPT: Heap = Heap::with_options(HeapOptions::new().zero_on_free(true).quarantine(1000));
    let name = "heap::guarded::what_writes_to_a_slot_in_quarantine_is_noticed";
    let said = fails(name, || {
        use_first(&KEPT);
        let start = Block::some(100, 1).start();
        // SAFETY: none: it was freed.
        unsafe { start.as_ptr().add(70).write_volatile(1) };
        for n in 0..1000 {
            drop(Block::some(100, n));
        }
    });
    assert!(said.contains("was written to after it was freed"), "{said}");
}

#[test]
fn an_address_inside_of_a_guarded_block_is_none() {
    let name = "heap::guarded::an_address_inside_of_a_guarded_block_is_none";
    let said = fails(name, || {
        use_first(&SAMPLED);
        let block = guarded(40);
        // SAFETY: none: it is inside.
        unsafe { HEAP.free(block.add(8)) };
    });
    assert!(said.contains("it is no slot of"), "{said}");
}

#[test]
fn a_link_that_somebody_forges_is_noticed() {
    static CHECKED: Heap = Heap::with_options(HeapOptions::new().checked(true));
    let said = fails(
        "heap::guarded::a_link_that_somebody_forges_is_noticed",
        || {
            use_first(&CHECKED);
            let blocks: Vec<_> = (0..3).map(|n| Block::some(64, n)).collect();
            let starts: Vec<_> = blocks.iter().map(Block::start).collect();
            drop(blocks);
            for start in &starts {
                // A link to a slot that is one, as it would stand there if links were plain.
                // SAFETY: none: it was freed.
                unsafe { start.cast::<*mut u8>().write(starts[1].as_ptr()) };
            }
            let _ = Block::some(64, 4);
        },
    );
    assert!(said.contains("was written to after it was freed"), "{said}");
}
