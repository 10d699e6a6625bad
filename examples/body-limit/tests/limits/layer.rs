//! Bodies arrive unchanged, within limit and budget, and are released with their last view.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::atomic::Ordering,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use flagstone::blocks::BlockAllocator;
use flagstone_body_limit::{
    body::PooledBody,
    layer::{BodyLimitLayer, Limits, WhenFull},
    server::App,
};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};

use super::frames::{Frames, Step};

/// A body may have this much, and all bodies twice that.
const LIMIT: usize = 200_000;
const BUDGET: usize = 512 << 10;

fn layer(when_full: WhenFull) -> BodyLimitLayer {
    layer_within(BUDGET, when_full)
}

fn layer_within(budget: usize, when_full: WhenFull) -> BodyLimitLayer {
    let body = LIMIT;
    let limits = Limits {
        budget,
        body,
        when_full,
    };
    BodyLimitLayer::new(limits).unwrap()
}

fn text(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at.wrapping_mul(0x9E37) >> 5) as u8)
        .collect()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// What a future without waits comes to.
fn done<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    for _ in 0..100 {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return output;
        }
    }
    panic!("it waits");
}

/// Sends `body` to `path` of the example's server: the status and what was answered.
async fn ask(layer: &BodyLimitLayer, app: &App, path: &str, body: Frames) -> (StatusCode, Bytes) {
    let request = Request::post(path).body(body).unwrap();
    let answer = layer.layer(app.clone()).oneshot(request).await.unwrap();
    let status = answer.status();
    let refused = status == StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(refused, answer.headers().contains_key("retry-after"));
    (
        status,
        answer.into_body().collect().await.unwrap().to_bytes(),
    )
}

fn assert_empty(blocks: &BlockAllocator) {
    let seen = blocks.audit().unwrap();
    assert_eq!((seen.in_use, seen.charged), (0, seen.cached()));
    assert_eq!(blocks.budget().snapshot().waiting, 0);
}

#[test]
fn a_body_arrives_unchanged_and_goes_with_its_views() {
    let layer = layer(WhenFull::Refuse);
    let blocks = layer.blocks();
    let text = text(150_000);
    let steps = || {
        let pieces = text.chunks(33_333);
        pieces.flat_map(|piece| [Step::Later, Step::Data(piece.to_vec())])
    };
    for body in [Frames::new(steps()), Frames::announced(text.len(), steps())] {
        let app = App::new(blocks.clone());
        let (status, echo) = done(ask(&layer, &app, "/echo", body));
        assert_eq!((status, echo), (StatusCode::OK, text.clone().into()));
        assert_empty(blocks);
    }
    // Two whole chunks and one that fits the rest, whether or not it was known.
    for body in [Frames::new(steps()), Frames::announced(text.len(), steps())] {
        let app = App::new(blocks.clone());
        let (status, _) = done(ask(&layer, &app, "/keep", body));
        assert_eq!(status, StatusCode::OK);
        assert_eq!(blocks.audit().unwrap().in_use, (64 + 64 + 20) << 10);
        drop(app);
        assert_empty(blocks);
    }
}

#[test]
fn a_body_above_the_limit_is_refused_as_soon_as_it_is_known() {
    let layer = layer(WhenFull::Wait);
    let app = App::new(layer.blocks().clone());
    // Announced: nothing of it is asked for.
    let body = Frames::announced(LIMIT + 1, [Step::Never]);
    let polls = body.polls();
    let (status, said) = done(ask(&layer, &app, "/sum", body));
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(said.starts_with(b"a body may have 200000 bytes"));
    assert_eq!(polls.load(Ordering::Relaxed), 0);
    // Not announced: at the byte that is too much.
    let pieces = [Step::Data(text(LIMIT)), Step::Data(vec![0]), Step::Never];
    let (status, _) = done(ask(&layer, &app, "/sum", Frames::new(pieces)));
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    // More than was announced.
    let body = Frames::announced(3, [Step::Data(text(4))]);
    let (status, _) = done(ask(&layer, &app, "/sum", body));
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    // The limit itself is allowed.
    let body = Frames::new([Step::Data(text(LIMIT))]);
    assert_eq!(done(ask(&layer, &app, "/sum", body)).0, StatusCode::OK);
    assert_empty(layer.blocks());
}

#[test]
fn without_room_a_request_is_refused_or_waits() {
    for when_full in [WhenFull::Refuse, WhenFull::Wait] {
        let layer = layer(when_full);
        let app = App::new(layer.blocks().clone());
        let full = || Frames::announced(LIMIT, [Step::Data(text(LIMIT))]);
        for _ in 0..2 {
            let (status, _) = done(ask(&layer, &app, "/keep", full()));
            assert_eq!(status, StatusCode::OK);
        }
        let body = full();
        let polls = body.polls();
        let mut third = Box::pin(ask(&layer, &app, "/keep", body));
        let first = poll(third.as_mut());
        assert_eq!(polls.load(Ordering::Relaxed), 0, "it stays in the socket");
        // Who has no body needs no room.
        let nothing = Frames::announced(0, []);
        assert_eq!(done(ask(&layer, &app, "/sum", nothing)).0, StatusCode::OK);
        match when_full {
            WhenFull::Refuse => {
                let Poll::Ready((status, said)) = first else {
                    panic!("it waits");
                };
                assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
                assert!(said.starts_with(b"there is no room"));
            }
            WhenFull::Wait => {
                assert!(first.is_pending());
                let request = Request::delete("/keep").body(PooledBody::default());
                drop(done(app.clone().oneshot(request.unwrap())));
                let Poll::Ready((status, _)) = poll(third.as_mut()) else {
                    panic!("there is room");
                };
                assert_eq!(status, StatusCode::OK);
            }
        }
        drop(third);
        drop(app);
        assert_empty(layer.blocks());
    }
}

/// With room for one and a half of them, two bodies that each got half would wait for ever.
#[test]
fn bodies_that_arrive_at_once_do_not_wait_for_each_other() {
    let layer = layer_within(300 << 10, WhenFull::Wait);
    let app = App::new(layer.blocks().clone());
    let text = text(LIMIT);
    let body = || {
        let pieces = text.chunks(10_000);
        Frames::new(pieces.flat_map(|piece| [Step::Later, Step::Data(piece.to_vec())]))
    };
    let mut asked: Vec<_> = (0..3)
        .map(|_| Some(Box::pin(ask(&layer, &app, "/sum", body()))))
        .collect();
    for _ in 0..200 {
        for ask in &mut asked {
            let polled = ask.as_mut().map(|ask| poll(ask.as_mut()));
            if let Some(Poll::Ready((status, _))) = polled {
                assert_eq!(status, StatusCode::OK);
                *ask = None;
            }
        }
    }
    assert!(
        asked.iter().all(Option::is_none),
        "they wait for each other"
    );
    assert_empty(layer.blocks());
}

#[test]
fn a_body_that_breaks_or_is_given_up_leaves_nothing() {
    let layer = layer(WhenFull::Wait);
    let app = App::new(layer.blocks().clone());
    let body = Frames::new([Step::Data(text(100_000)), Step::Break]);
    let (status, said) = done(ask(&layer, &app, "/sum", body));
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(said, &b"the body did not arrive: it broke\n"[..]);
    for polls in 0..4 {
        let pieces = [
            Step::Data(text(70_000)),
            Step::Later,
            Step::Data(text(70_000)),
            Step::Never,
        ];
        let mut given_up = Box::pin(ask(&layer, &app, "/sum", Frames::new(pieces)));
        for _ in 0..polls {
            assert!(poll(given_up.as_mut()).is_pending());
        }
        drop(given_up);
        assert_empty(layer.blocks());
    }
}

#[test]
fn limits_that_do_not_fit_are_refused() {
    let refused = |budget, body| {
        let when_full = WhenFull::Wait;
        let limits = Limits {
            budget,
            body,
            when_full,
        };
        BodyLimitLayer::new(limits).unwrap_err().to_string()
    };
    assert!(refused(1 << 20, 0).contains("no body"));
    assert!(refused(1 << 20, (1 << 20) + 1).contains("does not fit"));
    assert!(refused(1 << 20, usize::MAX).contains("does not fit"));
    assert!(refused(100, 10).contains("not possible"));
}
