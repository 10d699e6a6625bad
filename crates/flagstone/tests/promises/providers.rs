//! What a provider can do besides giving chunks is done, or honestly refused; wrong answers are found.
#![expect(unsafe_code, reason = "calls providers directly")]

use std::{alloc::Layout, ptr::NonNull};

use flagstone::{
    OutOfMemory,
    corruption::Corruption,
    provider::{Chunk, Global, OsPages, Provider, Purged, StaticRegion, Verified},
};
use flagstone_testkit::{
    fuse::panics,
    provider::{Counting, FailNth, Lending, Lie, Lying},
};

use crate::misuse::found;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a layout")
}

/// A byte that its place determines.
fn pattern(at: usize) -> u8 {
    (at % 251) as u8
}

/// Writes the pattern over a chunk of at least `len` bytes.
fn fill(first: NonNull<u8>, len: usize) {
    for at in 0..len {
        // SAFETY: the test's own chunk.
        unsafe { first.add(at).write(pattern(at)) };
    }
}

/// Whether the first `len` bytes still are the pattern.
fn kept(first: NonNull<u8>, len: usize) -> bool {
    // SAFETY: the test's own chunk, written before.
    let bytes = unsafe { NonNull::slice_from_raw_parts(first, len).as_ref() };
    bytes
        .iter()
        .enumerate()
        .all(|(at, &byte)| byte == pattern(at))
}

/// Whether `len` bytes are all 0.
fn zero(first: NonNull<u8>, len: usize) -> bool {
    // SAFETY: the test's own memory, which its provider said is zeroed.
    let bytes = unsafe { NonNull::slice_from_raw_parts(first, len).as_ref() };
    bytes.iter().all(|&byte| byte == 0)
}

/// Plays chunks of changing size and alignment on a provider that may refuse, and returns how many
/// changes it made.
fn resize<P: Provider>(provider: P, steps: &[(usize, usize)]) -> usize {
    let provider = Counting::new(Verified(provider));
    let mut made = 0;
    let mut now = layout(steps[0].0, steps[0].1);
    let mut first = provider.alloc(now).expect("memory").ptr.cast::<u8>();
    fill(first, now.size());
    for &(size, align) in &steps[1..] {
        let new = layout(size, align);
        // SAFETY: given for `now`, and only the answer is used below.
        match unsafe { provider.remap(first, now, new) } {
            Ok(chunk) => {
                made += 1;
                let same = size.min(now.size());
                first = chunk.ptr.cast();
                assert!(chunk.ptr.len() >= size);
                assert!(first.as_ptr().addr().is_multiple_of(align));
                assert!(kept(first, same), "{now:?} to {new:?} lost bytes");
                if chunk.zeroed {
                    // SAFETY: `same` bytes at least are there.
                    let behind = unsafe { first.add(same) };
                    assert!(zero(behind, chunk.ptr.len() - same), "{now:?} to {new:?}");
                }
                now = new;
                fill(first, size);
            }
            Err(refused) => {
                assert_eq!(refused.layout(), new);
                assert!(kept(first, now.size()), "a refusal changed the chunk");
            }
        }
    }
    // SAFETY: given for `now`, and not used any more.
    unsafe { provider.free(first, now) };
    made
}

const KIB: usize = 1 << 10;

/// Larger and smaller, within a page, over many, to alignments that the old place has or has not.
const STEPS: &[(usize, usize)] = &[
    (10, 8),
    (3000, 8),
    (8192, 8),
    (100_000, 8),
    (64 * KIB, 64 * KIB),
    (200 * KIB, 64 * KIB),
    (300 * KIB, 256 * KIB),
    (400 * KIB, 256 * KIB),
    (256 * KIB, 256 * KIB),
    (4096, 4096),
    (1, 1),
    (20_000, 1),
];

#[test]
#[cfg_attr(miri, ignore = "the interpreter has no such system calls")]
fn pages_are_moved_with_what_is_in_them() {
    let changes = resize(OsPages, STEPS);
    // All but one: fewer pages are not moved to a stricter alignment.
    let able = cfg!(any(target_os = "linux", target_os = "android"));
    assert!(!able || changes >= STEPS.len() - 2, "{changes} changes");
}

/// Chunks side by side, which cannot grow in place.
#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(miri, ignore = "the interpreter has no such system calls")]
fn a_chunk_grows_past_its_neighbours() {
    let neighbours: Vec<_> = (0..5)
        .map(|_| {
            (
                layout(128 * KIB, 128 * KIB),
                OsPages.alloc(layout(128 * KIB, 128 * KIB)).expect("memory"),
            )
        })
        .collect();
    for (old, chunk) in neighbours {
        let first = chunk.ptr.cast::<u8>();
        fill(first, 128 * KIB);
        let new = layout(512 * KIB, 128 * KIB);
        // SAFETY: given for `old`, and only the answer is used below.
        let moved = unsafe { OsPages.remap(first, old, new) }.expect("moved");
        let moved = moved.ptr.cast::<u8>();
        assert!(moved.as_ptr().addr().is_multiple_of(128 * KIB) && kept(moved, 128 * KIB));
        // SAFETY: so many bytes lie behind the first.
        assert!(zero(unsafe { moved.add(128 * KIB) }, 384 * KIB));
        // SAFETY: given for `new`, and not used any more.
        unsafe { OsPages.free(moved, new) };
    }
}

#[test]
fn the_global_allocator_resizes_within_an_alignment() {
    let sizes = [(10, 16), (3000, 16), (100, 16), (5000, 16)];
    assert_eq!(resize(Global, &sizes), 3);
    assert_eq!(resize(Global, &[(10, 16), (20, 32), (20, 8)]), 0);
}

/// Providers that can do nothing more say so, and nothing changes.
#[test]
fn what_cannot_be_done_is_refused() {
    static REGION: StaticRegion<{ 32 * 1024 }> = StaticRegion::new();
    fn refuses<P: Provider>(provider: P) {
        let provider = Counting::new(Verified(&provider));
        let now = layout(8192, 4096);
        assert!(provider.reserve_addresses(now).is_err());
        let chunk = provider.alloc(now).expect("memory").ptr.cast::<u8>();
        fill(chunk, 8192);
        // SAFETY: the whole chunk; nothing is needed in it as far as the provider knows.
        assert_eq!(unsafe { provider.purge(chunk, 8192) }, Purged::No);
        // SAFETY: the whole chunk.
        assert!(!unsafe { provider.prefer_huge_pages(chunk, 8192) });
        // SAFETY: given for this layout; a refusal leaves it in use.
        assert!(unsafe { provider.remap(chunk, now, layout(9000, 64)) }.is_err());
        assert!(kept(chunk, 8192));
        // SAFETY: given for this layout, and not used any more.
        unsafe { provider.free(chunk, now) };
    }
    refuses(Global);
    refuses(Lending::new(32 * 1024));
    refuses(&REGION);
}

/// Resident pages of this process.
#[cfg(target_os = "linux")]
fn resident(first: NonNull<u8>, pages: usize) -> usize {
    let mut seen = vec![0_u8; pages];
    let len = pages * OsPages.page_size();
    // SAFETY: a mapping of so many pages, and a byte for each.
    let done = unsafe { libc::mincore(first.as_ptr().cast(), len, seen.as_mut_ptr()) };
    assert_eq!(done, 0, "mincore");
    seen.iter().filter(|&&page| page & 1 == 1).count()
}

/// What is purged or decommitted is no longer in memory, and reads as 0 when it is again.
#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(miri, ignore = "the interpreter has no such system calls")]
fn memory_goes_back_to_the_system() {
    const PAGES: usize = 64;
    let provider = Counting::new(Verified(OsPages));
    let page = provider.page_size();
    let whole = layout(PAGES * page, page);
    let first = provider.alloc(whole).expect("memory").ptr.cast::<u8>();
    fill(first, whole.size());
    assert_eq!(resident(first, PAGES), PAGES);
    // SAFETY: within the chunk.
    let middle = unsafe { first.add(8 * page) };
    // SAFETY: whole pages of the chunk, with nothing needed in them.
    let purged = unsafe { provider.purge(middle, 40 * page) };
    assert_eq!(purged, Purged::Zeroed);
    assert_eq!(resident(first, PAGES), PAGES - 40);
    assert!(kept(first, 8 * page), "the neighbours are as they were");
    assert!(zero(middle, 40 * page));
    // SAFETY: given for this layout, and not used any more.
    unsafe { provider.free(first, whole) };

    let first = provider
        .reserve_addresses(whole)
        .expect("addresses")
        .cast::<u8>();
    assert_eq!(resident(first, PAGES), 0);
    for _ in 0..3 {
        // SAFETY: whole pages of the chunk that are not committed.
        let chunk = unsafe { provider.commit(first, 16 * page) }.expect("memory");
        assert!(chunk.zeroed && zero(first, 16 * page));
        fill(first, 16 * page);
        assert_eq!(resident(first, PAGES), 16);
        // SAFETY: committed above, and not needed.
        assert!(unsafe { provider.decommit(first, 16 * page) });
        assert_eq!(resident(first, PAGES), 0);
    }
    // SAFETY: given for this layout, and not used any more.
    unsafe { provider.free(first, whole) };
}

/// More addresses than there is memory, aligned; a part of them is used.
#[test]
#[cfg(target_pointer_width = "64")]
#[cfg_attr(miri, ignore = "the interpreter has no such system calls")]
fn addresses_cost_no_memory() {
    let provider = Counting::new(Verified(OsPages));
    let huge = layout(1 << 36, 1 << 30);
    let range = provider.reserve_addresses(huge).expect("addresses");
    assert!(range.len() >= 1 << 36 && range.as_ptr().addr().is_multiple_of(1 << 30));
    // SAFETY: within the chunk.
    let far = unsafe { range.cast::<u8>().add(1 << 35) };
    let page = provider.page_size();
    // SAFETY: a page of the chunk that is not committed.
    let chunk = unsafe { provider.commit(far, page) }.expect("memory");
    fill(chunk.ptr.cast(), page);
    // SAFETY: the same page.
    let _accepted = unsafe { provider.prefer_huge_pages(far, page) };
    assert!(kept(far, page), "a preference changes nothing");
    // SAFETY: given for this layout, and not used any more.
    unsafe { provider.free(range.cast(), huge) };
    assert!(
        provider
            .reserve_addresses(layout(isize::MAX as usize, 1))
            .is_err()
    );
}

/// A chunk grown step by step over a provider that fails at its n-th call has at every step all that
/// was written to it.
#[test]
#[cfg_attr(miri, ignore = "the interpreter has no such system calls")]
fn a_refusal_at_any_call_leaves_what_was_there() {
    for nth in 1..8 {
        let provider = Counting::new(Verified(FailNth::of(OsPages)));
        provider.inner().0.refuse(nth);
        let page = provider.page_size();
        let whole = layout(8 * page, page);
        let Ok(range) = provider.reserve_addresses(whole) else {
            assert_eq!((nth, provider.live()), (1, 0));
            continue;
        };
        let first = range.cast::<u8>();
        let mut committed = 0;
        for at in 0..4 {
            // SAFETY: within the chunk.
            let next = unsafe { first.add(at * page) };
            // SAFETY: the next page, which is not committed.
            if unsafe { provider.commit(next, page) }.is_err() {
                assert_eq!(at, nth - 2, "another call was refused");
                break;
            }
            committed += page;
            fill(first, committed);
        }
        assert!(kept(first, committed));
        // SAFETY: given for this layout, and not used any more.
        unsafe { provider.free(first, whole) };

        let small = layout(100, 8);
        let provider = Counting::new(Verified(FailNth::only(nth)));
        let Ok(chunk) = provider.alloc(small) else {
            continue;
        };
        let (mut first, mut now) = (chunk.ptr.cast::<u8>(), small);
        fill(first, 100);
        for size in (200..800).step_by(100) {
            let new = layout(size, 8);
            // SAFETY: given for `now`, and only the answer is used below.
            if let Ok(chunk) = unsafe { provider.remap(first, now, new) } {
                (first, now) = (chunk.ptr.cast(), new);
            }
            assert!(kept(first, 100));
        }
        assert_eq!(provider.inner().0.refused(), 1);
        // SAFETY: given for `now`, and not used any more.
        unsafe { provider.free(first, now) };
    }
}

/// Short and misaligned answers to every call: refused and given back where nothing is lost by it, and
/// else the corruption handler's.
#[test]
fn wrong_answers_are_found() {
    let page = layout(4096, 4096);
    for lie in [Lie::Short, Lie::Misaligned] {
        let provider = Verified(Lying::at(1, lie));
        assert!(provider.alloc(page).expect_err("a lie").is_wrong_answer());

        let provider = Verified(Lying::at(1, lie));
        let refused = provider.reserve_addresses(page).expect_err("a lie");
        assert!(refused.is_wrong_answer());

        let provider = Verified(Lying::at(2, lie));
        let range = provider
            .reserve_addresses(page)
            .expect("the first is right");
        // SAFETY: the whole chunk, which is not committed.
        let refused = unsafe { provider.commit(range.cast(), 4096) }.expect_err("a lie");
        assert!(refused.is_wrong_answer());
        assert_eq!(refused.layout().size(), 4096);
        // SAFETY: as above.
        assert!(unsafe { provider.commit(range.cast(), 4096) }.is_ok());
        // SAFETY: given for this layout, and not used any more.
        unsafe { provider.free(range.cast(), page) };

        let provider = Verified(Lying::at(2, lie));
        let chunk = provider.alloc(page).expect("the first is right");
        let found = found(|| {
            // SAFETY: given for this layout, and not used any more.
            let _ = unsafe { provider.remap(chunk.ptr.cast(), page, layout(8192, 4096)) };
        });
        let said = matches!(
            found,
            Some(Corruption::WrongMove {
                len: 8191 | 8192,
                ..
            })
        );
        assert!(said, "{found:?}");
    }
}

/// A page size that nothing can be a multiple of is refused before it is used.
#[test]
fn a_page_size_is_a_power_of_two() {
    struct Odd(usize);
    // SAFETY: every answer is the global allocator's.
    unsafe impl Provider for Odd {
        fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
            Global.alloc(layout)
        }
        unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { Global.free(ptr, layout) }
        }
        fn page_size(&self) -> usize {
            self.0
        }
    }
    for size in [0, 3, 4095, usize::MAX] {
        assert!(panics(|| assert_eq!(Verified(Odd(size)).page_size(), size)));
    }
    assert_eq!(Verified(Odd(16384)).page_size(), 16384);
}
