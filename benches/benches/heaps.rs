//! Runs the events of general allocators, and prints or writes their report.

use anyhow::Result;
use flagstone_benches::{heap::heaps, program::Program};

fn main() -> Result<()> {
    let program = Program {
        name: "heaps",
        about: "Flagstone's heap against other general allocators",
        title: "Performance of general allocators",
        command: "cargo bench -p flagstone-benches --features heaps --bench heaps -- --write",
        report: concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/perf-heaps.md"),
        packages: &[
            "libmimalloc-sys",
            "mimalloc",
            "rtrb",
            "rusty_alloc",
            "rusty_alloc-api",
            "snmalloc-rs",
            "snmalloc-sys",
            "tikv-jemalloc-sys",
            "tikv-jemallocator",
        ],
        events: heaps,
    };
    program.run()
}
