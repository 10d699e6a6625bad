//! The allocator API of `allocator-api2` 0.4: collections that live in an arena.
#![expect(unsafe_code, reason = "implements Allocator")]

use super::{Arena, block::allocator};
use crate::provider::Provider;

allocator!(allocator_api2_04: [P: Provider, const MIN_ALIGN: usize] Arena<P, MIN_ALIGN>);
