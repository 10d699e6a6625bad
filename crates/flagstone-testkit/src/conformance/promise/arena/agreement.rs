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
    let config = Config {
        cases: if cfg!(miri) { 2 } else { 256 },
        failure_persistence: None,
        ..Config::default()
    };
    let op = any::<[u8; 4]>().prop_map(ArenaOp::decode);
    TestRunner::new(config)
        .run(
            &(sample::select(Source::ALL), vec(op, 1..120)),
            |(source, program)| {
                replay_arena::<K>(source, &program);
                Ok(())
            },
        )
        .unwrap_or_else(|failure| panic!("{failure}"));
}
