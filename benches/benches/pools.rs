//! Runs the events of pools and arenas, and prints or writes their report.

use anyhow::Result;
use flagstone_benches::{program::Program, suite::events};

fn main() -> Result<()> {
    let pools = Program {
        name: "pools",
        about: "Flagstone's pools and arenas against their floors and their rivals",
        title: "Performance",
        command: "cargo bench -p flagstone-benches -- --write",
        report: concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/perf.md"),
        packages: &[
            "aegis-memory",
            "attachable-slab-allocator",
            "axiom_mem",
            "blink-alloc",
            "bump-scope",
            "bumpalo",
            "bumpalo-herd",
            "crossbeam-queue",
            "fastalloc",
            "infinity_pool",
            "libmimalloc-sys",
            "lockfree-object-pool",
            "mimalloc",
            "object-pool",
            "opool",
            "plurality",
            "rtrb",
            "sharded-slab",
            "slab",
            "slotmap",
            "thunderdome",
            "typed-arena",
        ],
        events,
    };
    pools.run()
}
