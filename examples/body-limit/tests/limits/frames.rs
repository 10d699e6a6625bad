//! Bodies that do as they are told.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// What a body does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Data(Vec<u8>),
    /// Nothing has come yet; it wakes whoever asked.
    Later,
    /// Nothing will ever come.
    Never,
    Break,
}

pub(crate) struct Frames {
    steps: VecDeque<Step>,
    hint: SizeHint,
    polls: Arc<AtomicUsize>,
}

impl Frames {
    /// Without a word about how many bytes there are.
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            hint: SizeHint::default(),
            polls: Arc::default(),
        }
    }

    /// One that says that it has so many.
    pub(crate) fn announced(bytes: usize, steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            hint: SizeHint::with_exact(bytes as u64),
            ..Self::new(steps)
        }
    }

    /// How often it was asked for bytes.
    pub(crate) fn polls(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.polls)
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes.into())))),
            Some(Step::Break) => Poll::Ready(Some(Err("it broke"))),
            Some(Step::Later) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Never) => {
                self.steps.push_front(Step::Never);
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}
