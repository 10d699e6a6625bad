//! A kind of arena.

use flagstone::provider::Provider;

use super::WholeArena;
use crate::provider::{Counting, FailNth, Source, Supplied};

/// A provider of any source that refuses when it is told to, under a ledger.
pub type TestProvider = Counting<FailNth<Supplied>>;

/// How arenas of one kind are built, on providers of any type.
pub trait ArenaKind: 'static {
    /// The arenas.
    type Arena<P: Provider + 'static>: WholeArena<Provider = P> + 'static;

    /// Every place is a multiple of this.
    const MIN_ALIGN: usize;

    /// Whether every request moves one cursor, so that what is placed next lies behind what was placed
    /// last, and `usage` counts it byte by byte.
    const ONE_CURSOR: bool;

    /// Whether chunks that could not be merged are found again whichever of them a request fits, and
    /// not only the first.
    const FINDS_SPARE_CHUNKS: bool;

    /// An arena on `provider`, without a limit.
    fn build<P: Provider + 'static>(provider: P) -> Self::Arena<P>;

    /// An arena that takes from `source`.
    #[must_use]
    fn on(source: Source) -> Self::Arena<TestProvider> {
        Self::build(Counting::new(FailNth::of(Supplied::of(source))))
    }
}

/// Runs `check` with an arena on each source. The source is printed, which is seen when the check
/// fails.
pub fn each_arena<K: ArenaKind>(check: impl Fn(K::Arena<TestProvider>)) {
    for &source in Source::ALL {
        println!("on {source:?}");
        check(K::on(source));
    }
}
