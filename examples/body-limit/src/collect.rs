//! From a stream of frames to blocks.

use std::{alloc::Layout, fmt::Display, future::poll_fn, pin::pin};

use bytes::Buf;
use flagstone::blocks::{Block, BlockAllocator, BlockError, Reservation};
use http_body::Body;

use crate::{
    body::PooledBody,
    layer::{Limits, WhenFull},
    refusal::Refusal,
};

/// Bytes of the largest block that a body is put into.
pub(crate) const CHUNK: usize = 64 << 10;

/// Reads all of `body`. What it may need is reserved before its first byte is asked for: then no body waits for
/// memory with half of its bytes in memory, and two such bodies cannot wait for each other.
pub(crate) async fn collect<B>(
    blocks: &BlockAllocator,
    limits: Limits,
    body: B,
) -> Result<PooledBody, Refusal>
where
    B: Body<Error: Display>,
{
    let too_large = || Refusal::TooLarge { limit: limits.body };
    let said = body.size_hint();
    if said.lower() > limits.body as u64 {
        return Err(too_large());
    }
    // Who does not say how many bytes there are needs room for as many as there may be.
    let said = said.upper().and_then(|bytes| usize::try_from(bytes).ok());
    let most = said.unwrap_or(limits.body).min(limits.body);
    if most == 0 {
        // Most requests: they neither need room nor wait with those who do.
        return Ok(PooledBody::default());
    }
    let mut reserved = reserve(blocks, limits.when_full, charged_for(blocks, most)?).await?;

    let mut collected = PooledBody::default();
    let mut current = None;
    let mut left = most;
    let mut body = pin!(body);
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|error| Refusal::Broken(error.to_string()))?;
        let mut data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    collected.add_trailers(trailers);
                }
                continue;
            }
        };
        if data.remaining() > left {
            return Err(too_large());
        }
        left -= data.remaining();
        while data.has_remaining() {
            let mut block = match current.take() {
                Some(block) => block,
                None => {
                    let bytes = CHUNK.min(left + data.remaining());
                    blocks.acquire(&mut reserved, layout(bytes))?
                }
            };
            append(&mut block, &mut data);
            if block.len() == block.capacity() {
                collected.push(block.freeze());
            } else {
                current = Some(block);
            }
        }
    }
    drop(reserved);
    if let Some(last) = current {
        collected.push(fitted(blocks, last).freeze());
    }
    Ok(collected)
}

async fn reserve(
    blocks: &BlockAllocator,
    when_full: WhenFull,
    bytes: usize,
) -> Result<Reservation, BlockError> {
    let budget = blocks.budget();
    Ok(match when_full {
        WhenFull::Refuse => budget.try_reserve(bytes)?,
        WhenFull::Wait => budget.reserve(bytes).await?,
    })
}

/// As much as fits.
fn append(block: &mut Block, data: &mut impl Buf) {
    let room = block.capacity() - block.len();
    let bytes = data.chunk();
    let count = bytes.len().min(room);
    let fits = block.extend_from_slice(&bytes[..count]).is_ok();
    debug_assert!(fits, "cut to the room");
    data.advance(count);
}

/// The same bytes in a smaller block, if there is one for them now: what a handler keeps stays charged.
fn fitted(blocks: &BlockAllocator, block: Block) -> Block {
    let layout = layout(block.len());
    let needed = blocks.charged_for(layout).ok();
    if needed.is_none_or(|needed| needed >= block.charged()) {
        return block;
    }
    let Ok(mut smaller) = blocks.try_alloc(layout) else {
        return block;
    };
    let fits = smaller.extend_from_slice(&block).is_ok();
    debug_assert!(fits, "made for it");
    smaller
}

/// What `bytes` are charged in blocks of `CHUNK` and one for the rest.
pub(crate) fn charged_for(blocks: &BlockAllocator, bytes: usize) -> Result<usize, BlockError> {
    let rest = match bytes % CHUNK {
        0 => 0,
        rest => blocks.charged_for(layout(rest))?,
    };
    Ok(bytes / CHUNK * blocks.charged_for(layout(CHUNK))? + rest)
}

fn layout(bytes: usize) -> Layout {
    Layout::array::<u8>(bytes).expect("at most a chunk")
}
