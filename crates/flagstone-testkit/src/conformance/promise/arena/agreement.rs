//! An arena agrees with the naive one, whatever is done to both.

use proptest::{
    collection::vec,
    prelude::*,
    sample,
    test_runner::{Config, TestRunner},
};

use crate::{
    conformance::ArenaKind,
    model::{ArenaOp, replay_arena},
    provider::Source,
};

/// Random calls, compared after each.
pub fn with_the_naive_arena<K: ArenaKind>() {
    explore(replay_arena::<K>);
}

/// Not generic, because what a search for a failure is made of is more code than an arena.
fn explore(replay: fn(Source, &[ArenaOp])) {
    let config = Config {
        cases: if cfg!(miri) {
            2
        } else if cfg!(flagstone_asan) {
            64
        } else {
            256
        },
        failure_persistence: None,
        ..Config::default()
    };
    let op = any::<[u8; 4]>().prop_map(ArenaOp::decode);
    TestRunner::new(config)
        .run(
            &(sample::select(Source::ALL), vec(op, 1..120)),
            |(source, program)| {
                replay(source, &program);
                Ok(())
            },
        )
        .unwrap_or_else(|failure| panic!("{failure}"));
}
