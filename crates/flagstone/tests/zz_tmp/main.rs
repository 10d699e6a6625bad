use flagstone_testkit::heap_watch::HeapWatch;
#[global_allocator]
static HEAP: HeapWatch = HeapWatch;
mod blocks {
    #[path = "/work/wt/pool-wait/crates/flagstone/tests/promises/blocks/lock_free_pools.rs"]
    mod lock_free_pools;
    #[path = "/work/wt/pool-wait/crates/flagstone/tests/promises/blocks/pools.rs"]
    mod pools;
    #[path = "/work/wt/pool-wait/crates/flagstone/tests/promises/blocks/recycle_pools.rs"]
    mod recycle_pools;
    #[path = "/work/wt/pool-wait/crates/flagstone/tests/promises/blocks/tasks.rs"]
    mod tasks;
}
