use flagstone::blocks::Budget;
use std::{
    future::Future,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Instant,
};
fn ns(name: &str, n: usize, mut f: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..7 {
        let t = Instant::now();
        for _ in 0..n {
            f()
        }
        best = best.min(t.elapsed().as_nanos() as f64 / n as f64);
    }
    println!("{name:30} {best:.2} ns");
}
#[test]
fn perf() {
    let b = Budget::new(1 << 30).unwrap();
    let s = b.scope("s").guarantee(1 << 20).build().unwrap();
    let n = 2_000_000;
    ns("try+drop", n, || {
        drop(black_box(b.try_reserve(black_box(4096)).unwrap()))
    });
    let a = std::sync::atomic::AtomicUsize::new(0);
    ns("2 locked adds", n, || {
        a.fetch_add(black_box(1), std::sync::atomic::Ordering::AcqRel);
        a.fetch_sub(black_box(1), std::sync::atomic::Ordering::AcqRel);
    });
    let mut cx = Context::from_waker(Waker::noop());
    ns("reserve ready poll+drop", n, || {
        let mut f = pin!(b.reserve(black_box(4096)));
        match f.as_mut().poll(&mut cx) {
            Poll::Ready(r) => drop(black_box(r)),
            _ => unreachable!(),
        }
    });
    ns("scope try+drop (guarantee)", n, || {
        drop(black_box(s.try_reserve(black_box(4096)).unwrap()))
    });
    ns("scope try+drop (borrow)", n, || {
        drop(black_box(s.try_reserve(black_box(4 << 20)).unwrap()))
    });
    // while a giant waits
    let held = b.try_reserve(800 << 20).unwrap();
    let mut f = Box::pin(b.reserve(1000 << 20));
    assert!(f.as_mut().poll(&mut cx).is_pending());
    ns("try+drop beside a waiter", n / 4, || {
        drop(black_box(b.try_reserve(black_box(4096)).unwrap()))
    });
    ns("fail try", n / 4, || {
        drop(black_box(b.try_reserve(black_box(500 << 20)).unwrap_err()))
    });
    drop(held);
}
