//! The layer.

use std::{
    fmt::Display,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use flagstone::blocks::{BlockAllocator, BlockAllocatorConfig};
use http::{Request, Response};
use http_body::Body;
use http_body_util::{Either, Full};
use tower::{Layer, Service};

use crate::{
    body::PooledBody,
    collect::{CHUNK, charged_for, collect},
};

/// What becomes of a request for whose body there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It is answered with 503.
    Refuse,
    /// It waits in order, and its body in the socket.
    Wait,
}

/// How much memory bodies may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all bodies that are somewhere in the program.
    pub budget: usize,
    /// Bytes of one.
    pub body: usize,
    /// What becomes of a request when the budget is used up.
    pub when_full: WhenFull,
}

/// Collects the body of each request into blocks of one budget, before its handler sees it.
#[derive(Clone, Debug)]
pub struct BodyLimitLayer {
    blocks: BlockAllocator,
    limits: Limits,
}

impl BodyLimitLayer {
    /// # Errors
    ///
    /// If a body that is allowed would not fit the budget.
    pub fn new(limits: Limits) -> Result<Self> {
        ensure!(limits.body > 0, "a limit of 0 bytes allows no body");
        let config = BlockAllocatorConfig::builder()
            .max_memory(limits.budget)
            .max_block_size(CHUNK.min(limits.budget))
            .build()
            .context("the budget is not possible")?;
        let blocks = BlockAllocator::with_config(config)?;
        let fits = limits.body <= limits.budget
            && charged_for(&blocks, limits.body).is_ok_and(|needed| needed <= limits.budget);
        ensure!(
            fits,
            "a body of {} bytes does not fit a budget of {}",
            limits.body,
            limits.budget
        );
        Ok(Self { blocks, limits })
    }

    /// The allocator of the blocks.
    #[must_use]
    pub fn blocks(&self) -> &BlockAllocator {
        &self.blocks
    }
}

impl<S> Layer<S> for BodyLimitLayer {
    type Service = BodyLimit<S>;

    fn layer(&self, inner: S) -> BodyLimit<S> {
        BodyLimit {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service whose requests have their bodies in blocks.
#[derive(Clone, Debug)]
pub struct BodyLimit<S> {
    inner: S,
    layer: BodyLimitLayer,
}

/// Answers of the service, and those of the layer.
pub type Answer<B> = Response<Either<Full<Bytes>, B>>;

impl<S, B, R> Service<Request<B>> for BodyLimit<S>
where
    S: Service<Request<PooledBody>, Response = Response<R>, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Display> + Send + 'static,
{
    type Response = Answer<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Answer<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was polled ready is the one that is called.
        let next = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, next);
        let BodyLimitLayer { blocks, limits } = self.layer.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            match collect(&blocks, limits, body).await {
                Ok(body) => {
                    let answer = inner.call(Request::from_parts(head, body)).await?;
                    Ok(answer.map(Either::Right))
                }
                Err(refusal) => Ok(refusal.response().map(Either::Left)),
            }
        })
    }
}
