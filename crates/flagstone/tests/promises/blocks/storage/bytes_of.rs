//! A block shows what was written, zeros between, and nothing else.

use std::io::{Read, Write};

use flagstone::blocks::BlockAllocator;

use super::bytes;

#[test]
fn what_is_not_written_is_not_shown() {
    let blocks = BlockAllocator::new(1 << 20);
    let mut block = blocks.try_alloc(bytes(100)).unwrap();
    block.write(0, &[7; 100]).unwrap();
    drop(block);
    // The same memory, from the thread's cache.
    let mut block = blocks.try_alloc(bytes(100)).unwrap();
    assert_eq!((block.len(), block.capacity()), (0, 100));
    block.write(90, b"x").unwrap();
    assert_eq!(block[..90], [0; 90]);
    assert_eq!(block[90..], *b"x");
    block.truncate(10);
    block.resize(95).unwrap();
    assert_eq!(*block, [0; 95]);
}

#[test]
fn writes_fit_or_change_nothing() {
    let blocks = BlockAllocator::new(1 << 20);
    let mut block = blocks.try_alloc(bytes(10)).unwrap();
    block.write(0, b"0123456789").unwrap();
    block.write(8, b"xy").unwrap();
    for (offset, len) in [
        (0, 11),
        (10, 1),
        (usize::MAX, 1),
        (11, 0),
        (5, usize::MAX / 2),
    ] {
        let refused = block.read(offset, len).is_err();
        assert!(refused, "{len} bytes from {offset}");
    }
    block.write(9, b"ab").unwrap_err();
    block.write(usize::MAX, b"a").unwrap_err();
    block.extend_from_slice(b"a").unwrap_err();
    block.resize(11).unwrap_err();
    block.write(10, b"").unwrap();
    assert_eq!(*block, *b"01234567xy");
    assert_eq!(block.read(8, 2).unwrap(), b"xy");
}

#[test]
fn a_block_is_a_writer_and_a_reader() {
    let blocks = BlockAllocator::new(1 << 20);
    let mut block = blocks.try_alloc(bytes(10)).unwrap();
    write!(block, "{}", 12_345).unwrap();
    block.write_all(b"67890x").unwrap_err();
    assert_eq!(*block, *b"1234567890");
    let mut three = [0; 3];
    block.read_exact(&mut three).unwrap();
    assert_eq!((&three, &*block), (b"123", &b"4567890"[..]));
    let mut view = block.freeze();
    view.read_exact(&mut three).unwrap();
    let mut rest = String::new();
    view.read_to_string(&mut rest).unwrap();
    assert_eq!((&three, &*rest, view.len()), (b"456", "7890", 0));
}

#[test]
fn parts_are_apart_and_join_again() {
    let blocks = BlockAllocator::new(1 << 20);
    let mut head = blocks.try_alloc(bytes(100)).unwrap();
    head.write(0, b"head|body|tail").unwrap();
    let mut body = head.split_off(5);
    let mut tail = body.split_off(5);
    assert_eq!(
        (head.capacity(), body.capacity(), tail.capacity()),
        (5, 5, 90)
    );
    head[0] = b'H';
    tail.extend_from_slice(b"!").unwrap();
    head.extend_from_slice(b"x").unwrap_err();
    let head = head.freeze();
    assert_eq!(
        (&*head, &*body, &*tail),
        (&b"Head|"[..], &b"body|"[..], &b"tail!"[..])
    );
    let head = head.try_into_mut().unwrap_err();
    // Not neighbours, the other way round; neighbours.
    let body = tail.unsplit(body).unwrap_err();
    let mut body = body;
    body.unsplit(tail).unwrap();
    assert_eq!((&*body, body.capacity()), (&b"body|tail!"[..], 95));
    let front = body.split_to(5);
    assert_eq!((&*front, &*body), (&b"body|"[..], &b"tail!"[..]));
    drop((front, body));
    let mut all = head.try_into_mut().unwrap();
    all.resize(14).unwrap();
    assert_eq!(*all, *b"Head|\0\0\0\0\0\0\0\0\0");
    drop(all);
    assert_eq!(blocks.snapshot().in_use, 0);
}

#[test]
fn a_part_of_a_part_keeps_its_bytes_when_its_neighbour_thaws() {
    let blocks = BlockAllocator::new(1 << 20);
    let mut head = blocks.try_alloc(bytes(100)).unwrap();
    head.write(0, &[1; 100]).unwrap();
    let mut middle = head.split_off(10);
    let tail = middle.split_off(10);
    let mut middle = middle.freeze();
    middle.advance(5);
    let mut middle = middle.try_into_mut().unwrap();
    assert_eq!((middle.len(), middle.capacity()), (5, 5));
    middle.extend_from_slice(b"x").unwrap_err();
    assert_eq!(*tail, [1; 80]);
}

#[test]
fn parts_with_a_gap_do_not_join() {
    let blocks = BlockAllocator::new(1 << 20);
    let mut head = blocks.try_alloc(bytes(20)).unwrap();
    head.write(0, &[1; 20]).unwrap();
    let tail = head.split_off(10);
    head.truncate(5);
    let mut tail = head.unsplit(tail).unwrap_err();
    tail.clear();
    head.unsplit(tail).unwrap();
    assert_eq!((head.len(), head.capacity()), (5, 20));
    head.resize(20).unwrap();
    assert_eq!(head[5..], [0; 15]);
}

#[test]
fn views_share_and_end_once() {
    let blocks = BlockAllocator::new(1 << 20);
    let mut block = blocks.try_alloc(bytes(1000)).unwrap();
    block.write(0, b"abcdef").unwrap();
    let view = block.freeze();
    let slices: Vec<_> = (0..6).map(|at| view.slice(at..=at)).collect();
    assert!(
        slices
            .iter()
            .zip(b"abcdef")
            .all(|(slice, byte)| **slice == [*byte])
    );
    assert_eq!(view.slice(..0).len(), 0);
    assert!(std::panic::catch_unwind(|| view.slice(3..7)).is_err());
    let charged = blocks.snapshot().in_use;
    drop(view);
    assert_eq!(blocks.snapshot().in_use, charged);
    let last = slices.into_iter().next_back().unwrap();
    let mut block = last.try_into_mut().unwrap();
    assert_eq!(
        (&*block, block.capacity()),
        (&b"f"[..], block.charged() - 5)
    );
    block.extend_from_slice(b"g").unwrap();
    assert_eq!(*block, *b"fg");
    drop(block);
    assert_eq!(blocks.snapshot().in_use, 0);
}

#[test]
fn a_block_is_one_word_and_a_view_two() {
    use flagstone::blocks::{Block, BlockView};
    assert_eq!(size_of::<Block>(), size_of::<usize>());
    assert_eq!(size_of::<BlockView>(), 2 * size_of::<usize>());
}

#[cfg(feature = "bytes")]
#[test]
fn blocks_are_buffers_of_bytes() {
    use bytes::{Buf, BufMut, Bytes};
    let blocks = BlockAllocator::new(1 << 20);
    let mut block = blocks.try_alloc(bytes(8)).unwrap();
    block.put_u16(0x0102);
    block.put_slice(b"ab");
    assert_eq!(
        (block.remaining_mut(), &*block),
        (4, &[1, 2, b'a', b'b'][..])
    );
    let filled =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| block.put_slice(&[0; 5])));
    assert!(filled.is_err());
    let mut view = block.freeze();
    assert_eq!(view.get_u16(), 0x0102);
    let address = view.as_ptr();
    let shared = Bytes::from(view);
    assert_eq!(shared.as_ptr(), address);
    let part = shared.slice(1..);
    drop(shared);
    assert_eq!(blocks.snapshot().in_use, 64);
    drop(part);
    assert_eq!(blocks.snapshot().in_use, 0);
}
