//! Names for the addresses of a trace, from the files that the program consisted of.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use addr2line::Loader;
use flagstone_trace::export::{OwnNames, Symbols};
use flagstone_trace::{Location, Sites};

/// Reads debug information and symbol tables of modules when they are first asked for. Modules that
/// are gone or cannot be read give offsets.
///
/// The files may have changed since the recording; a trace does not tell.
#[derive(Default)]
pub(crate) struct ModuleSymbols {
    modules: HashMap<String, Option<Loader>>,
    known: HashMap<u64, Vec<Location>>,
}

impl Symbols for ModuleSymbols {
    fn locations(&mut self, sites: &Sites, address: u64) -> Vec<Location> {
        if let Some(known) = self.known.get(&address) {
            return known.clone();
        }
        let locations = match sites.locations(address) {
            [] => self.read_module(sites, address),
            own => own.to_vec(),
        };
        let locations = if locations.is_empty() {
            vec![OwnNames::unnamed(sites, address)]
        } else {
            locations
        };
        self.known.insert(address, locations.clone());
        locations
    }
}

impl ModuleSymbols {
    fn read_module(&mut self, sites: &Sites, address: u64) -> Vec<Location> {
        let Some(module) = sites.module_of(address) else {
            return Vec::new();
        };
        let loader = match self.modules.entry(module.path.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Loader::new(&module.path).ok()),
        };
        let Some(loader) = loader else {
            return Vec::new();
        };
        // The call is before the address to which it returns.
        let probe = address.wrapping_sub(module.bias).wrapping_sub(1);
        let locations = from_debug_information(loader, probe);
        if !locations.is_empty() {
            return locations;
        }
        let symbol = loader.find_symbol(probe).map(demangled);
        symbol
            .map(|function| Location {
                function,
                ..Location::default()
            })
            .into_iter()
            .collect()
    }
}

fn from_debug_information(loader: &Loader, probe: u64) -> Vec<Location> {
    let mut locations = Vec::new();
    let Ok(mut frames) = loader.find_frames(probe) else {
        return locations;
    };
    while let Ok(Some(frame)) = frames.next() {
        let named = frame.function.as_ref();
        let Some(function) = named.and_then(|name| name.demangle().ok()) else {
            // Lines without a function: the symbol table knows better.
            continue;
        };
        let place = frame.location.as_ref();
        locations.push(Location {
            function: function.into_owned(),
            file: place.and_then(|place| place.file).unwrap_or("").to_owned(),
            line: place.and_then(|place| place.line).unwrap_or(0),
        });
    }
    locations
}

fn demangled(symbol: &str) -> String {
    addr2line::demangle_auto(symbol.into(), None).into_owned()
}
