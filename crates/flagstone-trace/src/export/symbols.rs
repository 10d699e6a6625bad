//! Names for addresses.

use crate::{Location, Sites};

/// Answers what an address is in the source.
///
/// A trace knows addresses and the files they belong to; reading those is left to whoever has the
/// means. [`OwnNames`] tells only what stands in the trace itself.
pub trait Symbols {
    /// The calls that an address is inside of, innermost first. At least one: the least that can be
    /// said of an address is the module that it is in. `address` is a return address: the call is
    /// before it.
    fn locations(&mut self, sites: &Sites, address: u64) -> Vec<Location>;
}

/// What the trace itself says, and otherwise modules with offsets.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnNames;

impl Symbols for OwnNames {
    fn locations(&mut self, sites: &Sites, address: u64) -> Vec<Location> {
        match sites.locations(address) {
            [] => vec![Self::unnamed(sites, address)],
            known => known.to_vec(),
        }
    }
}

impl OwnNames {
    /// A location that says no more than the module and the address in it.
    #[must_use]
    pub fn unnamed(sites: &Sites, address: u64) -> Location {
        let function = match sites.module_of(address) {
            Some(module) => {
                let name = module.path.rsplit('/').next().unwrap_or(&module.path);
                format!("{name}+{:#x}", address.wrapping_sub(module.bias))
            }
            None => format!("{address:#x}"),
        };
        Location {
            function,
            ..Location::default()
        }
    }
}
