//! A server to be tried out.

use std::{
    convert::Infallible,
    fmt::Write,
    future::{Ready, ready},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use flagstone::blocks::BlockAllocator;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, time::sleep};
use tower::{Layer, Service, ServiceExt};

use crate::{body::PooledBody, layer::BodyLimitLayer};

/// Answers `POST /sum`, `POST /echo`, `POST /keep`, `DELETE /keep` and `GET /budget`.
#[derive(Clone, Debug)]
pub struct App {
    blocks: BlockAllocator,
    kept: Arc<Mutex<Vec<PooledBody>>>,
}

impl App {
    /// Shows the budget of `blocks`.
    #[must_use]
    pub fn new(blocks: BlockAllocator) -> Self {
        Self {
            blocks,
            kept: Arc::default(),
        }
    }

    fn keep(&self, change: impl FnOnce(&mut Vec<PooledBody>)) -> String {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut kept);
        format!("{} bodies are kept\n", kept.len())
    }

    fn budget(&self) -> String {
        let blocks = self.blocks.snapshot();
        let budget = self.blocks.budget().snapshot();
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = writeln!(text, "capacity {:>10}", budget.capacity);
        let _ = writeln!(text, "in use   {:>10}", blocks.in_use);
        let _ = writeln!(text, "cached   {:>10}", blocks.cached());
        let _ = writeln!(text, "waiting  {:>10}", budget.waiting);
        text
    }
}

/// The body that is sent back, or a text.
type Page = Either<Full<Bytes>, PooledBody>;

impl Service<Request<PooledBody>> for App {
    type Response = Response<Page>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<PooledBody>) -> Self::Future {
        let (head, body) = request.into_parts();
        let text = match (head.method, head.uri.path()) {
            (Method::POST, "/sum") => sum(&body),
            (Method::POST, "/echo") => return ready(Ok(Response::new(Either::Right(body)))),
            (Method::POST, "/keep") => self.keep(|kept| kept.push(body)),
            (Method::DELETE, "/keep") => self.keep(Vec::clear),
            (Method::GET, "/budget") => self.budget(),
            _ => {
                let text = Full::from("there are /sum, /echo, /keep and /budget\n");
                let mut response = Response::new(Either::Left(text));
                *response.status_mut() = StatusCode::NOT_FOUND;
                return ready(Ok(response));
            }
        };
        ready(Ok(Response::new(Either::Left(Full::from(text)))))
    }
}

fn sum(body: &PooledBody) -> String {
    let bytes = body.views().flat_map(|view| view.iter());
    // FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/
    let sum = bytes.fold(0xCBF2_9CE4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let blocks = body.views().count();
    format!(
        "{} bytes, blocks: {blocks}, FNV-1a {sum:016x}\n",
        body.len()
    )
}

/// Listens, on a port that is free if none is named.
///
/// # Errors
///
/// If it cannot.
pub async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("the server cannot listen on {address}"))
}

/// Serves connections for ever, each in a task of its own.
pub async fn serve(listener: TcpListener, layer: BodyLimitLayer) {
    let service = layer.layer(App::new(layer.blocks().clone()));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // No descriptors are left, most likely: until one is, trying again only burns time.
                eprintln!("flagstone-body-limit: a connection was not accepted: {error}");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let service = service.clone();
        tokio::spawn(async move {
            let serve = service_fn(move |request| service.clone().oneshot(request));
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new());
            let served = server.serve_connection(TokioIo::new(stream), serve).await;
            if let Err(error) = served {
                eprintln!("flagstone-body-limit: a connection ended: {error}");
            }
        });
    }
}
