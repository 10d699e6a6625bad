//! Futures that are polled by hand, and small executors.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
};

use flagstone_testkit::threads::scope;

/// Counts how often it was called.
#[derive(Default)]
pub(super) struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A future that is polled when the test says so.
pub(super) struct Task<F> {
    future: Pin<Box<F>>,
    count: Arc<Count>,
}

impl<F: Future> Task<F> {
    pub(super) fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            count: Arc::default(),
        }
    }

    pub(super) fn poll(&mut self) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.count));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// One that waits: polled once.
    #[track_caller]
    pub(super) fn waiting(future: F) -> Self {
        let mut task = Self::new(future);
        assert!(task.poll().is_pending(), "it was ready");
        task
    }

    /// What comes of it, now.
    #[track_caller]
    pub(super) fn ready(mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it is not ready"),
        }
    }

    pub(super) fn wakes(&self) -> usize {
        self.count.0.load(Ordering::Relaxed)
    }
}

pub(super) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs futures to their ends.
pub(super) trait Executor {
    fn run(jobs: Vec<Job>);
}

/// All on one thread, each polled only when it was woken.
pub(super) struct OneThread;

impl Executor for OneThread {
    fn run(jobs: Vec<Job>) {
        Shared::run(jobs, 1);
    }
}

/// Two threads that take whichever job was woken.
pub(super) struct TwoThreads;

impl Executor for TwoThreads {
    fn run(jobs: Vec<Job>) {
        Shared::run(jobs, 2);
    }
}

/// A thread for each, parked while it waits.
pub(super) struct ThreadEach;

impl Executor for ThreadEach {
    fn run(jobs: Vec<Job>) {
        scope(|scope| {
            for job in jobs {
                scope.spawn(|| block_on(job));
            }
        });
    }
}

/// Polls all of them again and again, woken or not.
pub(super) struct PollsAlways;

impl Executor for PollsAlways {
    fn run(mut jobs: Vec<Job>) {
        let mut context = Context::from_waker(Waker::noop());
        while !jobs.is_empty() {
            jobs.retain_mut(|job| job.as_mut().poll(&mut context).is_pending());
        }
    }
}

/// Runs `future` on this thread, which parks.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Lets others go first, once.
pub(super) async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What the threads of an executor share: jobs that were woken, and how many are not done.
#[derive(Default)]
struct Shared {
    ready: Mutex<(Vec<Arc<Slot>>, usize)>,
    changed: Condvar,
}

struct Slot {
    job: Mutex<Option<Job>>,
    shared: Arc<Shared>,
}

impl Wake for Slot {
    fn wake(self: Arc<Self>) {
        let shared = Arc::clone(&self.shared);
        shared.ready.lock().unwrap().0.insert(0, self);
        shared.changed.notify_one();
    }
}

impl Shared {
    fn run(jobs: Vec<Job>, threads: usize) {
        let shared = Arc::new(Self::default());
        shared.ready.lock().unwrap().1 = jobs.len();
        for job in jobs {
            let job = Mutex::new(Some(job));
            let shared = Arc::clone(&shared);
            Arc::new(Slot { job, shared }).wake();
        }
        scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| shared.work());
            }
        });
    }

    fn work(&self) {
        loop {
            let mut ready = self.ready.lock().unwrap();
            let slot = loop {
                match ready.0.pop() {
                    Some(slot) => break slot,
                    None if ready.1 == 0 => return,
                    None => ready = self.changed.wait(ready).unwrap(),
                }
            };
            drop(ready);
            let waker = Waker::from(Arc::clone(&slot));
            let mut job = slot.job.lock().unwrap();
            let polled = job
                .as_mut()
                .map(|job| job.as_mut().poll(&mut Context::from_waker(&waker)));
            if polled.is_some_and(|polled| polled.is_ready()) {
                *job = None;
                self.ready.lock().unwrap().1 -= 1;
                self.changed.notify_all();
            }
        }
    }
}

/// A waker that panics.
pub(super) fn panics() -> Waker {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("woken");
        }
    }
    Waker::from(Arc::new(Panics))
}
