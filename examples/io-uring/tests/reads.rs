//! A file is read as it is, with io_uring and without.

use std::{
    fs::{self, File},
    process::Command,
};

use flagstone_io_uring::{
    read::{Shape, read},
    ring::Ring,
};

fn text(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at.wrapping_mul(0x9E37_79B9) >> 11) as u8)
        .collect()
}

#[test]
fn all_bytes_arrive_in_order_and_every_block_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for len in [0, 1, 65_536, 65_537, 1_000_000] {
        let text = text(len);
        fs::write(&path, &text).unwrap();
        let file = File::open(&path).unwrap();
        for (depth, with_ring) in [(1, true), (8, true), (3, false)] {
            let shape = Shape {
                block: 64 << 10,
                depth,
            };
            let blocks = shape.allocator().unwrap();
            // Where the kernel refuses, this tests twice what is done instead.
            let ring = Ring::new(&file, &blocks, depth).ok();
            let mut all = Vec::new();
            read(&file, &blocks, shape, ring.filter(|_| with_ring), |view| {
                all.extend_from_slice(&view);
            })
            .unwrap();
            assert!(all == text, "{len} bytes, {depth} reads at once");
            assert_eq!(blocks.audit().unwrap().in_use, 0);
        }
    }
}

#[test]
fn a_ring_that_ends_early_waits_for_what_the_kernel_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, text(100_000)).unwrap();
    let file = File::open(&path).unwrap();
    let shape = Shape {
        block: 64 << 10,
        depth: 4,
    };
    let blocks = shape.allocator().unwrap();
    let Ok(mut ring) = Ring::new(&file, &blocks, shape.depth) else {
        return;
    };
    for at in 0..4 {
        let block = blocks.try_alloc(std::alloc::Layout::new::<[u8; 64 << 10]>());
        ring.start(at * 10_000, block.unwrap()).unwrap();
    }
    let one_more = blocks
        .try_alloc(std::alloc::Layout::new::<[u8; 100]>())
        .unwrap();
    let one_more = ring.start(0, one_more).unwrap_err();
    assert_eq!(ring.flying(), 4);
    drop((ring, one_more));
    assert_eq!(blocks.audit().unwrap().in_use, 0);

    // More than the kernel allows is refused, and changes nothing.
    assert!(Ring::new(&file, &blocks, u32::MAX).is_err());
    // Blocks of others are not registered.
    let mut ring = Ring::new(&file, &blocks, 1).unwrap();
    let strangers = flagstone::blocks::BlockAllocator::new(1 << 20);
    let block = strangers.try_alloc(std::alloc::Layout::new::<[u8; 100]>());
    if ring.start(0, block.unwrap()).is_ok() {
        assert!(ring.finish().is_err(), "the kernel wrote to other memory");
    }
    assert_eq!(ring.flying(), 0);
    assert!(ring.finish().unwrap().is_none());
}

#[test]
fn what_was_read_is_told_and_what_is_wrong_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, b"123456789").unwrap();
    let path = path.to_str().unwrap();
    for (arguments, well, said) in [
        (&[path][..], true, "9 bytes, CRC-32 cbf43926, with"),
        (&[path, "--plain"], true, "CRC-32 cbf43926, without"),
        (&["/nowhere"], false, "cannot be opened"),
        (&["/"], false, "is no file"),
        (&[path, "--block", "1000B"], false, "powers of two"),
        (&[path, "--block", "big"], false, "invalid value 'big'"),
        (&[path, "--depth", "0"], false, "reads at once"),
        (&[path, "--depth", "1000000"], false, "reads at once"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flagstone-io-uring"));
        let output = command.args(arguments).output().unwrap();
        let told = if well { output.stdout } else { output.stderr };
        let told = String::from_utf8(told).unwrap();
        assert_eq!(output.status.success(), well, "{arguments:?}: {told}");
        assert!(told.contains(said), "{arguments:?}: {told}");
        assert!(!told.contains("panicked"), "{arguments:?}: {told}");
    }
}
