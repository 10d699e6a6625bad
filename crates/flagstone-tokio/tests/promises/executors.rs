//! Blocks are waited for in the same way on every executor. Those written by hand are among the library's
//! own tests.

use std::time::Duration;

use async_executor::Executor;
use flagstone_testkit::{
    executor_promises,
    executors::{self, Job},
    threads::scope,
};
use tokio::runtime::Builder;

/// The runtime of tokio, with so many threads; with none beside this one.
struct Tokio(usize);

impl executors::Executor for Tokio {
    fn run(&self, jobs: Vec<Job>) {
        let runtime = match self.0 {
            0 => Builder::new_current_thread().enable_time().build(),
            threads => {
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(threads).enable_time().build()
            }
        };
        runtime.unwrap().block_on(async {
            let tasks: Vec<_> = jobs.into_iter().map(tokio::spawn).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
    }

    fn timer(&self, after: Duration) -> Job {
        // Made when it is polled: before, there is no runtime to ask.
        Box::pin(async move { tokio::time::sleep(after).await })
    }
}

/// The executor of smol on two threads, and its timer.
struct Smol;

impl executors::Executor for Smol {
    fn run(&self, jobs: Vec<Job>) {
        let executor = Executor::new();
        let mut tasks: Vec<_> = jobs.into_iter().map(|job| executor.spawn(job)).collect();
        let others = tasks.split_off(tasks.len() / 2);
        // Each thread runs whatever is ready until its half of the tasks is done.
        scope(|scope| {
            for tasks in [tasks, others] {
                let executor = &executor;
                scope.spawn(move || {
                    async_io::block_on(executor.run(async {
                        for task in tasks {
                            task.await;
                        }
                    }));
                });
            }
        });
    }

    fn timer(&self, after: Duration) -> Job {
        Box::pin(async move {
            async_io::Timer::after(after).await;
        })
    }
}

executor_promises!(tokio_on_one_thread, Tokio(0));
executor_promises!(tokio_on_two_threads, Tokio(2));
executor_promises!(smol, Smol);
