//! The general heap.

use flagstone::Heap;

use super::Contender;
use crate::replay::{Alone, Measured, Shared, Stopped};

/// What `#[global_allocator]` or `libflagstone_malloc.so` would give the program.
#[derive(Debug)]
pub(super) struct General;

impl Contender for General {
    fn name(&self) -> &'static str {
        "heap"
    }

    fn about(&self) -> &'static str {
        "Flagstone's general heap, as the global allocator"
    }

    fn version(&self) -> String {
        concat!("flagstone ", env!("CARGO_PKG_VERSION")).to_owned()
    }

    fn alone(&self, stage: Alone<'_>) -> Result<Measured, Stopped> {
        stage.play(Heap::new)
    }

    fn shared(&self, stage: Shared<'_>) -> Result<Measured, Stopped> {
        stage.play(Heap::new)
    }
}
