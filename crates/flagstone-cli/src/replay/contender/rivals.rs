//! Allocators of others.
//!
//! Each is behind a feature of its own, because they are compiled from C or C++ and not every
//! machine can; `rivals` is all of them. They are linked beside the C library's allocator, which the
//! command itself goes on using: none of them replaces `malloc`.

use super::Contender;
#[cfg(any(feature = "mimalloc", feature = "jemalloc", feature = "snmalloc"))]
use crate::replay::{Alone, Measured, Shared, Stopped};

/// Names of all rivals, whether or not this build has them.
const ALL: [&str; 3] = ["mimalloc", "jemalloc", "snmalloc"];

/// Those that this build has.
pub(super) const BUILT: &[&dyn Contender] = &[
    #[cfg(feature = "mimalloc")]
    &Mimalloc,
    #[cfg(feature = "jemalloc")]
    &Jemalloc,
    #[cfg(feature = "snmalloc")]
    &Snmalloc,
];

/// The names of those that this build does not have.
pub(crate) fn not_built() -> impl Iterator<Item = &'static str> {
    ALL.into_iter()
        .filter(|name| BUILT.iter().all(|rival| rival.name() != *name))
}

/// A contender that is one value of a crate's allocator type.
macro_rules! rival {
    ($feature:literal, $rival:ident, $allocator:expr, $version:literal, $about:literal) => {
        #[doc = $about]
        #[cfg(feature = $feature)]
        #[derive(Debug)]
        struct $rival;

        #[cfg(feature = $feature)]
        impl Contender for $rival {
            fn name(&self) -> &'static str {
                $feature
            }

            fn about(&self) -> &'static str {
                $about
            }

            fn version(&self) -> String {
                env!($version).to_owned()
            }

            fn alone(&self, stage: Alone<'_>) -> Result<Measured, Stopped> {
                stage.play(|| $allocator)
            }

            fn shared(&self, stage: Shared<'_>) -> Result<Measured, Stopped> {
                stage.play(|| $allocator)
            }
        }
    };
}

rival!(
    "mimalloc",
    Mimalloc,
    mimalloc::MiMalloc,
    "FLAGSTONE_MIMALLOC",
    "Microsoft's allocator with free lists per page"
);
rival!(
    "jemalloc",
    Jemalloc,
    tikv_jemallocator::Jemalloc,
    "FLAGSTONE_JEMALLOC",
    "FreeBSD's allocator with arenas and thread caches"
);
rival!(
    "snmalloc",
    Snmalloc,
    snmalloc_rs::SnMalloc,
    "FLAGSTONE_SNMALLOC",
    "Microsoft's allocator that passes messages between threads"
);
