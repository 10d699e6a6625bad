//! Views are written in order, and each is released as soon as it is.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use flagstone::blocks::{BlockAllocator, BlockView};
use flagstone_tokio::{read_pooled, write_views};
use tokio::{io::AsyncWrite, net::UnixStream};

use super::{runtime, view};

/// Takes so many bytes with each call, and after `calls` of them nothing until it may again.
#[derive(Default)]
struct Narrow {
    most: usize,
    calls: usize,
    taken: Vec<u8>,
    slices: Vec<usize>,
}

impl AsyncWrite for Narrow {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.calls == 0 {
            return Poll::Pending;
        }
        self.calls -= 1;
        self.slices.push(slices.len());
        let all = slices.iter().flat_map(|slice| slice.iter().copied());
        let taken: Vec<_> = all.take(self.most).collect();
        self.taken.extend_from_slice(&taken);
        Poll::Ready(Ok(taken.len()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn poll(writer: &mut Narrow, views: &mut VecDeque<BlockView>) -> Poll<io::Result<()>> {
    let writing = pin!(write_views(writer, views));
    writing.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn what_is_written_is_released_at_once() {
    let blocks = BlockAllocator::new(64 << 10);
    let whole = view(&blocks, b"0123456789");
    let empty = whole.slice(4..4);
    let mut views = VecDeque::from([whole.slice(..4), empty.clone(), whole.slice(4..), empty]);
    views.push_back(view(&blocks, b"abc"));
    drop(whole);
    let mut writer = Narrow {
        most: 3,
        calls: 3,
        ..Narrow::default()
    };
    // Nine bytes: what is left is cut there, and dropping the future changes nothing.
    assert!(poll(&mut writer, &mut views).is_pending());
    assert_eq!(writer.taken, *b"012345678");
    assert_eq!((views.len(), &*views[0]), (3, &b"9"[..]));
    assert_eq!(blocks.snapshot().in_use, 128);
    writer.calls = 1;
    assert!(poll(&mut writer, &mut views).is_pending());
    assert_eq!((views.len(), &*views[0]), (1, &b"c"[..]));
    assert_eq!(blocks.snapshot().in_use, 64);
    writer.calls = 1;
    assert!(matches!(poll(&mut writer, &mut views), Poll::Ready(Ok(()))));
    assert_eq!(writer.taken, *b"0123456789abc");
    assert_eq!(blocks.audit().unwrap().in_use, 0);
}

#[test]
fn many_views_are_few_calls() {
    let blocks = BlockAllocator::new(64 << 10);
    let one = view(&blocks, b"x");
    let mut views: VecDeque<_> = (0..200).map(|_| one.clone()).collect();
    let mut writer = Narrow {
        most: 1000,
        calls: 10,
        ..Narrow::default()
    };
    assert!(matches!(poll(&mut writer, &mut views), Poll::Ready(Ok(()))));
    assert_eq!(
        (writer.taken.len(), &writer.slices[..]),
        (200, &[64, 64, 64, 8][..])
    );
    assert!(one.is_unique());
}

#[test]
fn a_writer_that_takes_nothing_is_an_error() {
    let blocks = BlockAllocator::new(64 << 10);
    let mut views = VecDeque::from([view(&blocks, b"abc")]);
    let mut writer = Narrow {
        calls: 1,
        ..Narrow::default()
    };
    let Poll::Ready(refused) = poll(&mut writer, &mut views) else {
        panic!("it would be tried for ever");
    };
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::WriteZero);
    assert_eq!(views.len(), 1);
    // Nothing is written if there is nothing.
    writer.calls = 1;
    assert!(matches!(
        poll(&mut writer, &mut VecDeque::new()),
        Poll::Ready(Ok(()))
    ));
    assert_eq!(writer.calls, 1);
}

#[test]
fn what_is_read_is_passed_on_without_copies() {
    runtime().block_on(async {
        let blocks = BlockAllocator::new(64 << 10);
        let (one, mut two) = UnixStream::pair().unwrap();
        let (mut three, four) = UnixStream::pair().unwrap();
        let mut views = VecDeque::from([view(&blocks, b"head "), view(&blocks, b"body")]);
        write_views(&mut two, &mut views).await.unwrap();
        let block = read_pooled(&one, &blocks, 100).await.unwrap().unwrap();
        views.push_back(block.freeze());
        write_views(&mut three, &mut views).await.unwrap();
        assert_eq!(blocks.snapshot().in_use, 0);
        let block = read_pooled(&four, &blocks, 100).await.unwrap().unwrap();
        assert_eq!(*block, *b"head body");
    });
}
