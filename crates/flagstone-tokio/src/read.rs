//! Reading.

use std::{alloc::Layout, future::poll_fn, io, pin::pin, task::Poll};

use flagstone::blocks::{Block, BlockAllocator, BlockError, Scope};

use crate::{error::ReadError, readable::Readable};

/// Reads what there is, up to `most` bytes, into a block of its own; `None` at the end. Until there is
/// something to read it holds no block, and while the budget is short the bytes stay in the socket.
///
/// May be dropped at any time: bytes leave the socket only when they are returned. So it may stand in a
/// `select!`, or under a timeout.
///
/// The block is one of `most` bytes however few there are, and charged as such until it is dropped. Works
/// for several tasks that read one socket, of which each gets some of the bytes. That the budget was closed
/// is noticed when there is something to read.
///
/// Cost: a block and one system call; one more before it waits for the budget, which looks whether there
/// really is something, so that neither silence nor the end of a connection has to wait for a block.
///
/// # Errors
///
/// [`ReadError`] says whether the socket failed, or whether there is no block: because none is so large,
/// which is found out before anything is waited for, or because the budget was closed, or there is no memory.
/// Reading of 0 bytes is an error, because it would look like the end.
pub async fn read_pooled<S: Readable>(
    socket: &S,
    blocks: &BlockAllocator,
    most: usize,
) -> Result<Option<Block>, ReadError> {
    read_into(socket, blocks, most, |layout| blocks.alloc(layout)).await
}

/// As [`read_pooled`], charged to a scope of the allocator's budget: a connection, or whoever has it, has so
/// much and no more, however slowly it takes what was read.
///
/// ```
/// use flagstone::blocks::BlockAllocator;
/// use flagstone_tokio::read_pooled_in;
/// use tokio::net::UnixStream;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
/// # runtime.block_on(async {
/// let (one, other) = UnixStream::pair()?;
/// let blocks = BlockAllocator::new(1 << 20);
/// let peer = blocks.budget().scope("peer").limit(64 << 10).build()?;
/// other.writable().await?;
/// other.try_write(b"hello")?;
/// let block = read_pooled_in(&one, &blocks, &peer, 4096).await?;
/// assert_eq!(peer.charged(), 4096);
/// # drop(block);
/// # Ok(())
/// # })
/// # }
/// ```
///
/// # Errors
///
/// As there; also when the scope is one of another budget.
pub async fn read_pooled_in<S: Readable>(
    socket: &S,
    blocks: &BlockAllocator,
    scope: &Scope,
    most: usize,
) -> Result<Option<Block>, ReadError> {
    read_into(socket, blocks, most, |layout| {
        blocks.alloc_in(scope, layout)
    })
    .await
}

async fn read_into<S: Readable, F>(
    socket: &S,
    blocks: &BlockAllocator,
    most: usize,
    mut alloc: impl FnMut(Layout) -> F,
) -> Result<Option<Block>, ReadError>
where
    F: Future<Output = Result<Block, BlockError>>,
{
    let layout = Layout::array::<u8>(most).ok().filter(|_| most > 0);
    let layout = layout.ok_or_else(|| {
        let what = format!("{most} bytes were to be read: ask for 1 to {}", isize::MAX);
        io::Error::new(io::ErrorKind::InvalidInput, what)
    })?;
    blocks.charged_for(layout)?;
    loop {
        socket.readable().await?;
        let mut waits = pin!(alloc(layout));
        let first = poll_fn(|context| Poll::Ready(waits.as_mut().poll(context))).await;
        let block = match first {
            Poll::Ready(block) => block,
            // Its place in the line stays, if there is something to read.
            Poll::Pending => match socket.try_peek() {
                Ok(true) => waits.await,
                Ok(false) => return Ok(None),
                Err(error) if is_early(&error) => continue,
                Err(error) => return Err(error.into()),
            },
        };
        let mut block = block?;
        // No wait from here to the answer: who is dropped while waiting has taken nothing from the socket.
        match socket.try_read(&mut block) {
            Ok(_) if block.is_empty() => return Ok(None),
            Ok(_) => return Ok(Some(block)),
            // The block goes back before the next wait.
            Err(error) if is_early(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the socket was not ready after all, or another was faster.
fn is_early(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
