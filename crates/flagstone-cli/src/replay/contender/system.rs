//! The C library's allocator.

use std::alloc::System;

use super::Contender;
use crate::replay::{Alone, Measured, Shared, Stopped};

/// `malloc` and `free` of the C library, which the recorded program used unless it chose otherwise.
#[derive(Debug)]
pub(super) struct SystemMalloc;

impl Contender for SystemMalloc {
    fn name(&self) -> &'static str {
        "system"
    }

    fn about(&self) -> &'static str {
        "malloc and free of the C library"
    }

    fn alone(&self, stage: Alone<'_>) -> Result<Measured, Stopped> {
        stage.play(|| System)
    }

    fn shared(&self, stage: Shared<'_>) -> Result<Measured, Stopped> {
        stage.play(|| System)
    }
}
