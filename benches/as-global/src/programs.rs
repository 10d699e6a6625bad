//! The programs: what Rust code does with memory without a thought.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    hash::{BuildHasherDefault, DefaultHasher},
    hint::black_box,
};

/// Something that allocates.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// Operations of a run: a few hundredths of a second.
    pub(crate) ops: u32,
    /// Does so many operations.
    pub(crate) run: fn(u32),
}

/// All programs.
pub(crate) const PROGRAMS: &[Program] = &[
    Program {
        name: "box-pair",
        ops: 1_000_000,
        run: box_pair,
    },
    Program {
        name: "vec-of-boxes",
        ops: 200_000,
        run: vec_of_boxes,
    },
    Program {
        name: "strings",
        ops: 20_000,
        run: strings,
    },
    Program {
        name: "btree-map",
        ops: 100_000,
        run: btree_map,
    },
    Program {
        name: "hash-map",
        ops: 50_000,
        run: hash_map,
    },
    Program {
        name: "vec-push",
        ops: 2_000_000,
        run: vec_push,
    },
];

/// A key that follows no order, different for every number: an odd factor permutes them.
fn scattered(number: u32) -> u32 {
    number.wrapping_mul(0x9E37_79B1)
}

/// One operation boxes a value and drops it.
fn box_pair(ops: u32) {
    for number in 0..ops {
        drop(black_box(Box::new([u64::from(number); 8])));
    }
}

/// One operation is one box in a vector of them all.
fn vec_of_boxes(ops: u32) {
    let boxes: Vec<_> = (0..ops)
        .map(|number| Box::new([u64::from(number); 4]))
        .collect();
    drop(black_box(boxes));
}

/// One operation writes a line of twelve words, each a string before.
fn strings(ops: u32) {
    let mut lines = Vec::new();
    for number in 0..ops {
        let mut line = String::new();
        for word in 0..12 {
            let word = format!("{}-{word}", scattered(number) >> word);
            let _ = write!(line, "{word} ");
        }
        lines.push(line);
    }
    drop(black_box(lines));
}

/// One operation is one entry that is inserted and, with all there are, removed.
fn btree_map(ops: u32) {
    let mut map = BTreeMap::new();
    for number in 0..ops {
        map.insert(scattered(number), u64::from(number));
    }
    for number in 0..ops {
        black_box(map.remove(&scattered(number)));
    }
}

/// One operation is one entry whose value grows, and is replaced once.
fn hash_map(ops: u32) {
    let mut map: HashMap<String, Vec<u8>, BuildHasherDefault<DefaultHasher>> = HashMap::default();
    for round in 0..2 {
        for number in 0..ops {
            let mut bytes = Vec::new();
            for byte in 0..=scattered(number) % 200 {
                bytes.push(byte as u8);
            }
            map.insert(format!("key number {}", scattered(number)), bytes);
        }
        black_box((round, &map));
    }
}

/// One operation is one push to a vector that starts empty.
fn vec_push(ops: u32) {
    let mut vec = Vec::new();
    for number in 0..ops {
        vec.push(u64::from(number));
    }
    drop(black_box(vec));
}
