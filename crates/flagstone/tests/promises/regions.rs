//! Regions hand out disjoint, aligned pieces of their bytes and merge what comes back.
#![expect(unsafe_code, reason = "calls providers directly")]

use std::{alloc::Layout, mem::MaybeUninit, ptr::NonNull};

use flagstone::provider::{ByteRegion, Global, OsPages, Provider, Purged, StaticRegion};
use flagstone_testkit::model::NaiveRegion;
use proptest::{collection::vec, prelude::*};

#[derive(Clone, Debug)]
enum Op {
    Alloc { size: usize, align: u32 },
    Free(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0_usize..1500, 0_u32..10).prop_map(|(size, align)| Op::Alloc { size, align }),
        2 => any::<usize>().prop_map(Op::Free),
    ]
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 200 },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Fills a piece with a byte that its address determines, or checks that it still is.
fn pattern(address: usize) -> u8 {
    (address / 16 % 251) as u8
}

/// Plays `ops` on a region of `len` bytes somewhere in `within`, and gives everything back.
fn replay(provider: &impl Provider, within: std::ops::Range<usize>, ops: &[Op]) {
    let mut naive = NaiveRegion::new(within);
    let mut out = Vec::new();
    for op in ops {
        match *op {
            Op::Alloc { size, align } => {
                let layout = Layout::from_size_align(size, 1 << align).expect("a layout");
                if let Ok(chunk) = provider.alloc(layout) {
                    assert!(chunk.ptr.len() >= size);
                    let first = chunk.ptr.cast::<u8>();
                    let address = first.as_ptr().addr();
                    naive.handed_out(address, layout);
                    // SAFETY: a chunk of at least `size` bytes that is ours.
                    unsafe { first.write_bytes(pattern(address), size) };
                    out.push((first, layout));
                }
            }
            Op::Free(pick) => {
                if let Some((address, _)) = naive.take(pick) {
                    let at = out.iter().position(|(p, _)| p.as_ptr().addr() == address);
                    give_back(provider, out.swap_remove(at.expect("it is out")));
                }
            }
        }
    }
    out.into_iter().for_each(|piece| give_back(provider, piece));
}

fn give_back(provider: &impl Provider, (first, layout): (NonNull<u8>, Layout)) {
    let byte = pattern(first.as_ptr().addr());
    // SAFETY: a chunk of at least so many bytes, all written when it was taken.
    let bytes = unsafe { NonNull::slice_from_raw_parts(first, layout.size()).as_ref() };
    assert!(bytes.iter().all(|&b| b == byte), "a piece was overwritten");
    // SAFETY: taken from this provider with this layout, and not used any more.
    unsafe { provider.free(first, layout) };
}

/// The largest piece that can be had from the provider now.
fn largest(provider: &impl Provider, most: usize) -> usize {
    let fits = |size: usize| {
        let Ok(layout) = Layout::from_size_align(size, 1) else {
            return false;
        };
        provider
            .alloc(layout)
            // SAFETY: just given for this layout.
            .map(|chunk| unsafe { provider.free(chunk.ptr.cast(), layout) })
            .is_ok()
    };
    (0..=most).rev().find(|&size| fits(size)).unwrap_or(0)
}

proptest! {
    #![proptest_config(config())]

    /// From any address and of any length.
    #[test]
    fn a_byte_region_agrees(skip in 0_usize..64, len in 0_usize..6000, ops in vec(op(), 1..80)) {
        let mut bytes = vec![MaybeUninit::<u8>::uninit(); skip + len];
        let bytes = &mut bytes[skip..];
        let start = bytes.as_ptr().addr();
        let region = ByteRegion::new(bytes);
        prop_assert_eq!((region.len(), region.is_empty()), (len, len == 0));
        let before = largest(&region, len);
        prop_assert!(before + 32 >= len, "more than two grains are lost");
        replay(&region, start..start + len, &ops);
        prop_assert_eq!(largest(&region, len), before, "pieces were not merged");
    }

    /// One region for all cases: what a case leaves broken, the next one finds.
    #[test]
    fn a_static_region_agrees(ops in vec(op(), 1..80)) {
        const LEN: usize = 5000;
        static REGION: StaticRegion<LEN> = StaticRegion::new();
        static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _turn = TURN.lock();
        let start = std::ptr::from_ref(&REGION).addr();
        replay(&&REGION, start..start + size_of_val(&REGION), &ops);
        prop_assert!(largest(&&REGION, LEN) + 32 >= LEN, "pieces were not merged");
    }
}

/// Every start within a line and every small length: nothing is handed out that is not there.
#[test]
fn tiny_regions_have_an_answer() {
    let mut bytes = [MaybeUninit::<u8>::uninit(); 128];
    for skip in 0..if cfg!(miri) { 8 } else { 64 } {
        for len in 0..64 {
            let within = &mut bytes[skip..skip + len];
            let start = within.as_ptr().addr();
            let region = ByteRegion::new(within);
            let mut naive = NaiveRegion::new(start..start + len);
            for size in [1, 16, 8, 1, 32, 1, 1] {
                let layout = Layout::from_size_align(size, 8).expect("a layout");
                if let Ok(chunk) = region.alloc(layout) {
                    naive.handed_out(chunk.ptr.cast::<u8>().as_ptr().addr(), layout);
                }
            }
        }
    }
}

#[test]
fn absurd_requests_are_refused() {
    static REGION: StaticRegion<256> = StaticRegion::new();
    let mut bytes = [MaybeUninit::uninit(); 256];
    let region = ByteRegion::new(&mut bytes);
    let most = isize::MAX as usize;
    for (size, align) in [
        (most, 1),
        (most - 15, 16),
        (1, 1 << (usize::BITS - 2)),
        (most / 2, 1 << (usize::BITS - 2)),
    ] {
        let layout = Layout::from_size_align(size, align).expect("a layout");
        assert_eq!(region.alloc(layout).err().map(|e| e.layout()), Some(layout));
        assert!((&REGION).alloc(layout).is_err());
        if !cfg!(miri) {
            assert!(OsPages.alloc(layout).is_err());
        }
    }
    assert!(
        region.alloc(Layout::new::<[u8; 128]>()).is_ok(),
        "nothing was lost"
    );
}

/// Zero bytes are never asked for by the library; where a system cannot give them, it is an error.
#[test]
fn a_request_for_nothing_has_an_answer() {
    let nothing = Layout::new::<()>();
    assert!(Global.alloc(nothing).is_err());
    assert!(OsPages.alloc(nothing).is_err());
}

#[test]
#[cfg_attr(miri, ignore = "the interpreter has no partial unmapping")]
fn pages_are_zeroed_aligned_and_purged() {
    for align in [1, 4096, 64 * 1024, 4 << 20] {
        let layout = Layout::from_size_align(10_000, align).expect("a layout");
        let chunk = OsPages.alloc(layout).expect("memory");
        let first = chunk.ptr.cast::<u8>();
        assert!(chunk.zeroed && chunk.ptr.len() >= 10_000);
        assert!(first.as_ptr().addr().is_multiple_of(align));
        // SAFETY: the chunk is ours, and zeroed.
        let bytes = unsafe { chunk.ptr.as_ref() };
        assert!(bytes.iter().all(|&byte| byte == 0));
        let page = OsPages.page_size();
        // SAFETY: the chunk is ours.
        unsafe { first.write_bytes(7, page) };
        // SAFETY: a whole page of the chunk, with nothing needed in it.
        if unsafe { OsPages.purge(first, page) } == Purged::Zeroed {
            // SAFETY: still ours.
            assert_eq!(unsafe { first.read() }, 0);
        }
        // SAFETY: given for this layout, and not used any more.
        unsafe { OsPages.free(first, layout) };
    }
}

/// A static region serves threads at once.
#[test]
fn a_static_region_is_shared() {
    static REGION: StaticRegion<{ 64 * 1024 }> = StaticRegion::new();
    let rounds = if cfg!(miri) { 5 } else { 200 };
    let threads: Vec<_> = (0..4_usize)
        .map(|seed| {
            std::thread::spawn(move || {
                let start = std::ptr::from_ref(&REGION).addr();
                let within = start..start + size_of_val(&REGION);
                for round in 0..rounds {
                    let ops: Vec<_> = (0..20)
                        .map(|n| match (seed + round + n) % 3 {
                            0 => Op::Free(n),
                            size => Op::Alloc {
                                size: size * 97 + n,
                                align: n as u32 % 7,
                            },
                        })
                        .collect();
                    replay(&&REGION, within.clone(), &ops);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert!(largest(&&REGION, 64 * 1024) + 32 >= 64 * 1024);
}
