//! Writing.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    task::ready,
};

use flagstone::blocks::BlockView;
use tokio::io::AsyncWrite;

/// Views that one call of the system is told of: as many as fit a kilobyte of slices.
const AT_ONCE: usize = 64;

/// Writes all `views`, several with one call where the writer can, and copies nothing. A view is dropped,
/// and with the last view of a block its charge, as soon as its bytes are written, not when all are.
///
/// May be dropped at any time: what is not written is still in `views`, cut at the byte that is next.
///
/// Does not flush, which sockets do not need.
///
/// # Errors
///
/// What the writer says, or [`io::ErrorKind::WriteZero`] if it takes nothing; `views` has what it did not
/// take.
pub async fn write_views<W: AsyncWrite + Unpin + ?Sized>(
    writer: &mut W,
    views: &mut VecDeque<BlockView>,
) -> io::Result<()> {
    poll_fn(|context| {
        loop {
            while views.front().is_some_and(|view| view.is_empty()) {
                views.pop_front();
            }
            if views.is_empty() {
                return Ok(()).into();
            }
            let mut slices = [IoSlice::new(&[]); AT_ONCE];
            let mut count = 0;
            for (slice, view) in slices.iter_mut().zip(&*views) {
                *slice = view.io_slice();
                count += 1;
            }
            let slices = &slices[..count];
            let written = ready!(Pin::new(&mut *writer).poll_write_vectored(context, slices))?;
            if written == 0 {
                let what = "the writer takes no more bytes";
                return Err(io::Error::new(io::ErrorKind::WriteZero, what)).into();
            }
            forget(views, written);
        }
    })
    .await
}

/// Drops what was written: the first `written` bytes, or all if a writer claims to have had more.
fn forget(views: &mut VecDeque<BlockView>, mut written: usize) {
    while let Some(view) = views.front_mut() {
        if written < view.len() {
            view.advance(written);
            return;
        }
        written -= view.len();
        views.pop_front();
    }
}
