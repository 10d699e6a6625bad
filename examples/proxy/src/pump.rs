//! One way of one connection: what is read waits in a queue until it is written.

use std::{collections::VecDeque, io};

use bytes::{Bytes, BytesMut};
use flagstone_tokio::{read_pooled_in, write_views};
use futures_lite::future::try_zip;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::mpsc,
};

use crate::memory::{Budgeted, CHUNK, Memory, Way};

/// Passes on what comes until the end, and then the end.
pub(crate) async fn pump(
    memory: &Memory,
    way: Way,
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
) -> io::Result<()> {
    match memory {
        Memory::Budget(budgeted) => within_budget(budgeted, way, from, to).await,
        Memory::Unbounded => unbounded(from, to).await,
    }
}

/// While the budget is short nothing is read, and the sender is held back by its own socket. A side that
/// breaks ends both halves, and what waited is released.
async fn within_budget(
    memory: &Budgeted,
    way: Way,
    from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
) -> io::Result<()> {
    let (sender, mut receiver) = mpsc::channel(memory.queue());
    let read = async move {
        // A place in the queue first, and then a block: who waits for a place holds none.
        while let Ok(place) = sender.reserve().await {
            let read = read_pooled_in(&from, memory.blocks(), memory.scope(way), CHUNK).await;
            match read? {
                Some(block) => place.send(block.freeze()),
                None => break,
            }
        }
        Ok(())
    };
    let write = async move {
        let mut views = VecDeque::new();
        while let Some(view) = receiver.recv().await {
            views.push_back(view);
            while let Ok(view) = receiver.try_recv() {
                views.push_back(view);
            }
            write_views(&mut to, &mut views).await?;
        }
        to.shutdown().await
    };
    try_zip(read, write).await.map(|_| ())
}

/// The same with buffers of which nobody counts the bytes.
async fn unbounded(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Bytes>();
    let read = async move {
        loop {
            from.readable().await?;
            let mut buffer = BytesMut::with_capacity(CHUNK);
            if from.read_buf(&mut buffer).await? == 0 || sender.send(buffer.freeze()).is_err() {
                return Ok(());
            }
        }
    };
    let write = async move {
        while let Some(mut bytes) = receiver.recv().await {
            to.write_all_buf(&mut bytes).await?;
        }
        to.shutdown().await
    };
    try_zip(read, write).await.map(|_| ())
}
