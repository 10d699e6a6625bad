//! Promise: no program of calls makes an arena hand bytes out twice, misplace, overwrite or lose
//! something, or count wrongly.
//!
//! The first byte chooses an arena, every four more are a call: the language and the naive arena it is
//! compared with are the test kit's. `cargo +nightly fuzz run arena`.
#![no_main]

use flagstone_testkit::{
    conformance::{Local, Locked, Shared, Single},
    model::{ArenaOp, replay_arena},
    provider::Source,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&kind, program)) = input.split_first() else {
        return;
    };
    let program = ArenaOp::program(program);
    let source = match kind % 3 {
        0 => Source::Global,
        1 => Source::OsPages,
        _ => Source::Static,
    };
    match kind / 3 % 12 {
        0 => replay_arena::<Single<1>>(source, &program),
        1..=3 => replay_arena::<Single<8>>(source, &program),
        4 => replay_arena::<Single<16>>(source, &program),
        5 => replay_arena::<Single<64>>(source, &program),
        6 => replay_arena::<Shared<1>>(source, &program),
        7 => replay_arena::<Shared<8>>(source, &program),
        8 => replay_arena::<Local<8>>(source, &program),
        9 => replay_arena::<Local<64>>(source, &program),
        10 => replay_arena::<Single<4096>>(source, &program),
        _ => replay_arena::<Locked<8>>(source, &program),
    }
});
