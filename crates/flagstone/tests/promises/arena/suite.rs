//! Every arena, with every minimum alignment and on every provider, keeps the promises that all
//! arenas make.

use flagstone_testkit::{
    arena_conformance,
    conformance::{
        Local, Locked, Shared, Single,
        promise::arena::{agreement, limits, places},
    },
};

arena_conformance!(single_1, Single<1>);
arena_conformance!(shared_8, Shared<8>);
arena_conformance!(local_64, Local<64>);
arena_conformance!(locked_8, Locked<8>);

/// The other alignments, where building them is cheap: see the pools' suite.
#[cfg(all(debug_assertions, not(flagstone_asan), not(feature = "stats")))]
mod variants {
    use super::*;

    arena_conformance!(single_8, Single<8>);
    arena_conformance!(single_16, Single<16>);
    arena_conformance!(single_64, Single<64>);
    arena_conformance!(shared_1, Shared<1>);
    arena_conformance!(shared_64, Shared<64>);
    arena_conformance!(local_1, Local<1>);
    arena_conformance!(local_8, Local<8>);
    arena_conformance!(locked_1, Locked<1>);
}

/// With the largest minimum alignments, where headers are large too.
#[test]
fn a_page_for_every_value() {
    agreement::with_the_naive_arena::<Single<4096>>();
    agreement::with_the_naive_arena::<Shared<4096>>();
    places::blocks_of_every_alignment::<Single<4096>>();
    limits::memory_goes_back::<Single<1024>>();
    limits::memory_goes_back::<Single<4096>>();
    limits::memory_goes_back::<Shared<4096>>();
}
