//! The C library's allocator.
#![cfg_attr(
    target_env = "gnu",
    expect(unsafe_code, reason = "asks the C library for its version")
)]

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

    fn version(&self) -> String {
        c_library().unwrap_or_else(|| "unknown".to_owned())
    }

    fn alone(&self, stage: Alone<'_>) -> Result<Measured, Stopped> {
        stage.play(|| System)
    }

    fn shared(&self, stage: Shared<'_>) -> Result<Measured, Stopped> {
        stage.play(|| System)
    }
}

#[cfg(target_env = "gnu")]
fn c_library() -> Option<String> {
    // SAFETY: the function has no preconditions and returns a static C string.
    let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    Some(format!("glibc {}", version.to_str().ok()?))
}

#[cfg(not(target_env = "gnu"))]
fn c_library() -> Option<String> {
    None
}
