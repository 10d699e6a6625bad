//! What a handler gets.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use flagstone::blocks::BlockView;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// A whole body, in views of blocks. Its charge goes with the views: those that a handler keeps stay
/// charged, and when it is sent as an answer each is released once it is written.
#[derive(Debug, Default)]
pub struct PooledBody {
    views: VecDeque<BlockView>,
    trailers: Option<HeaderMap>,
}

impl PooledBody {
    pub(crate) fn push(&mut self, view: BlockView) {
        if !view.is_empty() {
            self.views.push_back(view);
        }
    }

    pub(crate) fn add_trailers(&mut self, trailers: HeaderMap) {
        self.trailers.get_or_insert_default().extend(trailers);
    }

    /// Its bytes, in pieces.
    pub fn views(&self) -> impl Iterator<Item = &BlockView> {
        self.views.iter()
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.views.iter().map(|view| view.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
    }
}

impl Body for PooledBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.views.pop_front().map(|view| Frame::data(view.into()));
        let frame = data.or_else(|| self.trailers.take().map(Frame::trailers));
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.views.is_empty() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}
