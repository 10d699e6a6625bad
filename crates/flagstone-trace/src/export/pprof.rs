//! The profile of `pprof`: a gzipped protocol buffer (`profile.proto`).
//!
//! The encoding is a page of code here. Crates that generate it from the schema bring a compiler of
//! schemas or a run-time library of many times that size.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};
use hashbrown::HashMap;

use super::Symbols;
use crate::varint;
use crate::{Header, Location, SiteStats, Sites};

/// The sample types: name and unit.
const TYPES: [(&str, &str); 6] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("peak_objects", "count"),
    ("peak_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];
/// Which of them a viewer shows first.
const DEFAULT_TYPE: &str = "alloc_space";

/// A profile of `pprof`: of each stack the objects and bytes allocated (`alloc_`), alive when the
/// program had the most bytes (`peak_`), and alive at the end (`inuse_`).
#[derive(Debug, Default)]
pub struct Pprof {
    out: Message,
    strings: HashMap<String, u64>,
    functions: HashMap<(String, String), u64>,
    locations: HashMap<u64, u64>,
}

impl Pprof {
    /// The profile of `stats`, which must be of a [second pass](SiteStats::with_peak_at).
    pub fn of(
        header: &Header,
        duration_ns: u64,
        stats: &SiteStats,
        sites: &Sites,
        symbols: &mut dyn Symbols,
    ) -> Self {
        let mut profile = Self::default();
        // The first string is the empty one.
        profile.string("");
        for (name, unit) in TYPES {
            let value_type = profile.value_type(name, unit);
            profile.out.message(1, &value_type);
        }
        profile.mappings(sites);
        for (stack, row) in stats.rows() {
            let frames = sites.frames(stack);
            let locations: Vec<_> = frames
                .map(|address| profile.location(address, sites, symbols))
                .collect();
            let values = [
                row.allocated_objects,
                row.allocated_bytes,
                row.peak_objects,
                row.peak_bytes,
                row.live_objects,
                row.live_bytes,
            ];
            let mut sample = Message::default();
            sample.packed(1, locations);
            sample.packed(2, values.map(|value| value.max(0.0).round() as u64));
            profile.out.message(2, &sample);
        }
        let words = [&header.program]
            .into_iter()
            .chain(&header.args)
            .map(String::as_str);
        let comment = profile.string(&words.collect::<Vec<_>>().join(" "));
        profile.out.number(13, comment);
        profile
            .out
            .number(9, header.recorded_unix_s.saturating_mul(1_000_000_000));
        profile.out.number(10, duration_ns);
        let period_type = profile.value_type("space", "bytes");
        profile.out.message(11, &period_type);
        profile
            .out
            .number(12, header.sampling.map_or(1, |sampling| sampling.bytes()));
        let default_type = profile.string(DEFAULT_TYPE);
        profile.out.number(14, default_type);
        profile
    }

    /// Writes the profile, compressed.
    ///
    /// # Errors
    ///
    /// Those of `to`.
    pub fn write(&self, to: impl Write) -> io::Result<()> {
        let mut to = GzEncoder::new(to, Compression::default());
        to.write_all(&self.out.bytes)?;
        to.finish()?.flush()
    }

    fn value_type(&mut self, name: &str, unit: &str) -> Message {
        let mut message = Message::default();
        message.number(1, self.string(name));
        message.number(2, self.string(unit));
        message
    }

    fn mappings(&mut self, sites: &Sites) {
        for (index, module) in sites.modules().iter().enumerate() {
            let mut mapping = Message::default();
            mapping.number(1, index as u64 + 1);
            mapping.number(2, module.start);
            mapping.number(3, module.end);
            mapping.number(4, module.start.wrapping_sub(module.bias));
            mapping.number(5, self.string(&module.path));
            // It has names already: the viewer shall not look for the files.
            for has in 7..=10 {
                mapping.number(has, 1);
            }
            self.out.message(3, &mapping);
        }
    }

    fn location(&mut self, address: u64, sites: &Sites, symbols: &mut dyn Symbols) -> u64 {
        if let Some(&id) = self.locations.get(&address) {
            return id;
        }
        let id = self.locations.len() as u64 + 1;
        self.locations.insert(address, id);
        let mut location = Message::default();
        location.number(1, id);
        let module = sites.module_of(address);
        let number = sites
            .modules()
            .iter()
            .position(|other| Some(other) == module);
        location.number(2, number.map_or(0, |index| index as u64 + 1));
        location.number(3, address);
        for place in symbols.locations(sites, address) {
            let mut line = Message::default();
            line.number(1, self.function(&place));
            line.number(2, u64::from(place.line));
            location.message(4, &line);
        }
        self.out.message(4, &location);
        id
    }

    fn function(&mut self, place: &Location) -> u64 {
        let key = (place.function.clone(), place.file.clone());
        if let Some(&id) = self.functions.get(&key) {
            return id;
        }
        let id = self.functions.len() as u64 + 1;
        self.functions.insert(key, id);
        let name = self.string(&place.function);
        let mut function = Message::default();
        function.number(1, id);
        function.number(2, name);
        function.number(3, name);
        function.number(4, self.string(&place.file));
        self.out.message(5, &function);
        id
    }

    fn string(&mut self, text: &str) -> u64 {
        if let Some(&index) = self.strings.get(text) {
            return index;
        }
        let index = self.strings.len() as u64;
        self.strings.insert(text.into(), index);
        self.out.bytes(6, text.as_bytes());
        index
    }
}

/// A protocol buffer message: fields are a number with its wire type, and a value.
#[derive(Debug, Default)]
struct Message {
    bytes: Vec<u8>,
}

impl Message {
    fn number(&mut self, field: u64, value: u64) {
        varint::put(&mut self.bytes, field << 3);
        varint::put(&mut self.bytes, value);
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        varint::put(&mut self.bytes, field << 3 | 2);
        varint::put(&mut self.bytes, value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.bytes);
    }

    fn packed(&mut self, field: u64, values: impl IntoIterator<Item = u64>) {
        let mut bytes = Vec::new();
        values
            .into_iter()
            .for_each(|value| varint::put(&mut bytes, value));
        self.bytes(field, &bytes);
    }
}
