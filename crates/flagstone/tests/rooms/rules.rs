//! What the house allows, and who breaks it. Each rule answers with one line per offence.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    house::{House, Import},
    source::Source,
};

/// Rooms, lowest first: one imports only rooms on earlier lines. Those on one line are siblings
/// and do not know each other. A room that does not exist yet has its place already.
const ROOMS: &[&[&str]] = &[
    &["error"],
    &["stats"],
    &["sync"],
    &["corruption"],
    &["layout"],
    &["index"],
    &["provider"],
    &["thread"],
    &["raw"],
    &["handle"],
    &["pool", "slab", "arena", "heap", "blocks"],
];

/// Rooms whose every file may hold `unsafe`.
const UNSAFE_ROOMS: &[&str] = &["provider", "raw"];

/// Files of other rooms that hold `unsafe`. Each opts in with `#![expect(unsafe_code, reason)]`,
/// itself or in the `mod.rs` above it.
const UNSAFE_FILES: &[&str] = &[
    "arena/block.rs",
    "arena/boxed.rs",
    "arena/builder.rs",
    "arena/local.rs",
    "arena/lock_arena.rs",
    "arena/place.rs",
    "arena/scope.rs",
    "arena/single.rs",
    "arena/sync_arena.rs",
    "arena/walk.rs",
    "blocks/bytes.rs",
    "corruption/handler.rs",
    "corruption/hooks.rs",
    "handle/owned.rs",
    "handle/shared.rs",
    "handle/vacant.rs",
    "pool/buffer/buffers.rs",
    "pool/buffer/plain.rs",
    "pool/fixed.rs",
    "pool/growing.rs",
    "pool/recycling.rs",
    "pool/store/buffer.rs",
    "pool/store/buffers.rs",
    "handle/weak.rs",
    "heap/allocator.rs",
    "heap/door.rs",
    "heap/fault.rs",
    "heap/local.rs",
    "heap/own.rs",
    "heap/process.rs",
    "heap/shared.rs",
    "heap/spoken.rs",
    "heap/word.rs",
    "pool/fixed.rs",
    "pool/growing.rs",
    "pool/shared.rs",
    "pool/store/doors.rs",
    "pool/store/fixed.rs",
    "pool/store/fixed_home.rs",
    "pool/store/growing.rs",
    "pool/store/growing_home.rs",
    "pool/lock_free.rs",
    "pool/store/lock_free.rs",
    "pool/store/lock_free_home.rs",
    "pool/store/locked.rs",
    "pool/store/locked_home.rs",
    "pool/store/mod.rs",
    "pool/store/raw_buffers.rs",
    "pool/store/recycle.rs",
    "pool/store/recycle_desk.rs",
    "pool/store/recycle_waiting.rs",
    "pool/store/slab_slots.rs",
    "pool/store/rooted.rs",
    "pool/store/waiting.rs",
    "pool/store/walk.rs",
    "pool/thread_safe.rs",
    "slab/cache.rs",
    "slab/home.rs",
    "slab/recycle.rs",
    "sync/barrier.rs",
    "sync/no_lock.rs",
    "sync/spin_lock.rs",
];

/// Paths of other crates that only one file may name.
const DOORS: &[(&[&str], &str)] = &[
    (&["core", "sync", "atomic"], "sync/mod.rs"),
    (&["std", "sync", "atomic"], "sync/mod.rs"),
    (&["loom"], "sync/mod.rs"),
    (&["shuttle"], "sync/mod.rs"),
    (&["alloc", "alloc", "alloc"], "provider/global.rs"),
    (&["alloc", "alloc", "alloc_zeroed"], "provider/global.rs"),
    (&["alloc", "alloc", "dealloc"], "provider/global.rs"),
    (&["alloc", "alloc", "realloc"], "provider/global.rs"),
    (&["std", "alloc", "alloc"], "provider/global.rs"),
    (&["std", "alloc", "alloc_zeroed"], "provider/global.rs"),
    (&["std", "alloc", "dealloc"], "provider/global.rs"),
    (&["std", "alloc", "realloc"], "provider/global.rs"),
];

/// Facades that hold an item: the trait or the few lines that their whole folder is about.
const FURNISHED: &[&str] = &[
    "index/mod.rs",
    "layout/mod.rs",
    "pool/config/mod.rs",
    "pool/store/mod.rs",
    "raw/strategy/mod.rs",
    "sync/mod.rs",
];

/// Imports that close a circle and may, because the two files are halves of one thing.
const PAIRS: &[(&str, &str)] = &[
    // A block is frozen to a view, and a view that is the last is a block again.
    ("blocks/block.rs", "blocks/view.rs"),
    // `PoolConfig::builder()` starts what `PoolConfigBuilder::build()` ends.
    ("pool/config/mod.rs", "pool/config/builder.rs"),
    // A shared handle is downgraded to what is upgraded to it.
    ("handle/shared.rs", "handle/weak.rs"),
    // A cache is taken off the list that it is on.
    ("raw/depot/cache.rs", "raw/depot/registry.rs"),
    // A storage is opened to a part, and the last part is a storage again.
    ("raw/region/storage.rs", "raw/region/part.rs"),
    // A run asks its strategy for the least size of a slot; a strategy works on a run.
    ("raw/run.rs", "raw/strategy/mod.rs"),
    // The end of a thread gives its number back; a number is given only before that end.
    ("thread/exit.rs", "thread/number.rs"),
];

/// Lines of code a file may have, comments, blank lines and unit tests not counted.
const LONGEST: usize = 500;

/// The folder a file stands in; `None` for the root.
fn room(source: &Source) -> Option<&str> {
    match source.file.split_once('/') {
        Some((room, _)) => Some(room),
        None => source
            .file
            .strip_suffix(".rs")
            .filter(|stem| *stem != "lib"),
    }
}

fn floor(room: &str) -> Option<usize> {
    ROOMS.iter().position(|siblings| siblings.contains(&room))
}

/// Imports of rooms that are not below, and rooms without a place.
pub(super) fn later_rooms(house: &House) -> Vec<String> {
    let rooms: BTreeSet<_> = house.sources().iter().filter_map(room).collect();
    let homeless = rooms.into_iter().filter(|room| floor(room).is_none());
    let mut offences: Vec<_> = homeless
        .map(|room| format!("{room}: not in the list of rooms in tests/rooms/rules.rs"))
        .collect();
    for import in house.imports() {
        let (Some(from), Some(to)) = (room(import.from), room(import.to)) else {
            continue;
        };
        if from != to && floor(from) <= floor(to) {
            offences.push(said(&import, &format!("which is in the room {to}")));
        }
    }
    offences
}

fn said(import: &Import<'_>, what: &str) -> String {
    let file = &import.from.file;
    let line = import.reference.line;
    let path = import.reference.segments.join("::");
    format!("{file}:{line} names {path}, {what}")
}

/// Shortest circles of imports between files; each circle once.
pub(super) fn circles(house: &House) -> Vec<String> {
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Import { from, to, .. } in house.imports() {
        let (from, to) = (from.file.as_str(), to.file.as_str());
        if from != to && !PAIRS.contains(&(from, to)) {
            graph.entry(from).or_default().insert(to);
        }
    }
    let mut known = BTreeSet::new();
    let mut offences = Vec::new();
    for start in graph.keys() {
        let Some(circle) = way_back(&graph, start) else {
            continue;
        };
        if known.insert(circle.iter().copied().collect::<BTreeSet<_>>()) {
            offences.push(format!("{} → {start}", circle.join(" → ")));
        }
    }
    offences
}

/// Exceptions in [`PAIRS`] that nothing needs any more.
pub(super) fn idle_pairs(house: &House) -> Vec<String> {
    let imports: BTreeSet<_> = house
        .imports()
        .map(|import| (import.from.file.as_str(), import.to.file.as_str()))
        .collect();
    let idle = PAIRS.iter().filter(|pair| !imports.contains(pair));
    idle.map(|(from, to)| format!("{from} no longer imports {to}"))
        .collect()
}

/// The shortest way from `start` to itself, `start` first.
fn way_back<'h>(
    graph: &BTreeMap<&'h str, BTreeSet<&'h str>>,
    start: &'h str,
) -> Option<Vec<&'h str>> {
    let mut queue = VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = queue.pop_front() {
        for next in graph.get(way.last()?).into_iter().flatten() {
            if *next == start {
                return Some(way);
            }
            if seen.insert(*next) {
                queue.push_back([&way[..], &[*next]].concat());
            }
        }
    }
    None
}

/// Files that hold `unsafe` and may not, and files that may and need not.
pub(super) fn unsafe_outside(house: &House) -> Vec<String> {
    let mut offences = Vec::new();
    for source in house.sources() {
        let file = source.file.as_str();
        let listed = UNSAFE_FILES.contains(&file);
        let whole_room = room(source).is_some_and(|room| UNSAFE_ROOMS.contains(&room));
        match source.first_unsafe {
            Some(line) if !listed && !whole_room => {
                offences.push(format!("{file}:{line} holds `unsafe` and is not listed"));
            }
            None if listed => offences.push(format!("{file} is listed and holds no `unsafe`")),
            _ => {}
        }
    }
    let gone = UNSAFE_FILES.iter().filter(|listed| {
        let mut sources = house.sources().iter();
        !sources.any(|source| source.file == **listed)
    });
    offences.extend(gone.map(|file| format!("{file} is listed and does not exist")));
    offences
}

/// Files that name what only one file may.
pub(super) fn side_doors(house: &House) -> Vec<String> {
    let mut offences = Vec::new();
    for (from, reference, path) in house.foreign() {
        let door = DOORS.iter().find(|(door, _)| {
            path.len() >= door.len() && path.iter().zip(*door).all(|(a, b)| a == b)
        });
        if let Some((_, only)) = door.filter(|(_, only)| from.file != *only) {
            let (file, line, path) = (&from.file, reference.line, path.join("::"));
            offences.push(format!("{file}:{line} names {path}, only {only} may"));
        }
    }
    offences
}

/// `lib.rs` and `mod.rs` files that hold something, and such that are allowed to and do not.
pub(super) fn furnished_facades(house: &House) -> Vec<String> {
    let mut offences = Vec::new();
    for source in house.sources().iter().filter(|source| source.is_facade()) {
        let file = source.file.as_str();
        let items = source.modules.iter().flat_map(|module| &module.items);
        let mut items = items.peekable();
        if FURNISHED.contains(&file) {
            if items.peek().is_none() {
                offences.push(format!("{file} is listed as an exception and needs none"));
            }
            continue;
        }
        offences.extend(items.map(|(line, word)| format!("{file}:{line} holds a `{word}`")));
    }
    offences
}

/// Files with more than [`LONGEST`] lines of code.
pub(super) fn long_files(house: &House) -> Vec<String> {
    let long = house
        .sources()
        .iter()
        .filter(|source| source.code_lines > LONGEST);
    long.map(|source| {
        format!(
            "{}: {} lines, {LONGEST} allowed",
            source.file, source.code_lines
        )
    })
    .collect()
}
