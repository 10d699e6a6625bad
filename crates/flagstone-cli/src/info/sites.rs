//! The call sites that allocate most.

use std::collections::HashMap;

use flagstone_trace::export::Symbols;
use flagstone_trace::{Location, SiteRow, StackId};
use serde::Serialize;

use crate::symbols::ModuleSymbols;
use crate::totals::Totals;

/// Calls outwards that are shown of a call site.
const CALLERS: usize = 4;

/// One place in the program and what it allocated.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Site {
    pub(super) place: Place,
    /// From where the place was called most (by bytes), nearest first.
    pub(super) callers: Vec<Place>,
    pub(super) allocated_objects: u64,
    pub(super) allocated_bytes: u64,
    pub(super) peak_objects: u64,
    pub(super) peak_bytes: u64,
    pub(super) live_objects_at_end: u64,
    pub(super) live_bytes_at_end: u64,
}

/// A function and where in the source it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Place {
    pub(super) function: String,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self {
            function: location.function,
            file: Some(location.file).filter(|file| !file.is_empty()),
            line: Some(location.line).filter(|&line| line > 0),
        }
    }
}

/// The `most` places with the most bytes allocated. Functions that hand on what they are asked for,
/// like C++'s `new` and Rust's `alloc`, are passed over: the place is who called them.
pub(super) fn top(totals: &Totals, most: usize) -> Vec<Site> {
    let mut symbols = ModuleSymbols::default();
    let mut sites: HashMap<Place, (SiteRow, f64, StackId)> = HashMap::new();
    let mut places = |stack| {
        let frames = totals.sites.frames(stack);
        let locations = frames.flat_map(|address| symbols.locations(&totals.sites, address));
        let places: Vec<Place> = locations.map(Place::from).collect();
        let own = places
            .iter()
            .position(|place| !hands_on(&place.function))
            .unwrap_or(0);
        places[own..].to_vec()
    };
    for (stack, row) in totals.stats.rows() {
        let unknown = || Place {
            function: "unknown".into(),
            file: None,
            line: None,
        };
        let place = places(stack).first().cloned().unwrap_or_else(unknown);
        let (sum, most_bytes, heaviest) =
            sites
                .entry(place)
                .or_insert((SiteRow::default(), 0.0, stack));
        add(sum, &row);
        if row.allocated_bytes > *most_bytes {
            (*most_bytes, *heaviest) = (row.allocated_bytes, stack);
        }
    }
    let mut sites: Vec<_> = sites.into_iter().collect();
    sites.sort_by(|(a, (x, ..)), (b, (y, ..))| {
        let by_bytes = y.allocated_bytes.total_cmp(&x.allocated_bytes);
        by_bytes.then_with(|| (&a.function, a.line).cmp(&(&b.function, b.line)))
    });
    let site = |(place, (row, _, heaviest)): (Place, (SiteRow, f64, StackId))| Site {
        place,
        callers: places(heaviest).into_iter().skip(1).take(CALLERS).collect(),
        allocated_objects: whole(row.allocated_objects),
        allocated_bytes: whole(row.allocated_bytes),
        peak_objects: whole(row.peak_objects),
        peak_bytes: whole(row.peak_bytes),
        live_objects_at_end: whole(row.live_objects),
        live_bytes_at_end: whole(row.live_bytes),
    };
    sites.into_iter().take(most).map(site).collect()
}

fn add(sum: &mut SiteRow, row: &SiteRow) {
    sum.allocated_objects += row.allocated_objects;
    sum.allocated_bytes += row.allocated_bytes;
    sum.peak_objects += row.peak_objects;
    sum.peak_bytes += row.peak_bytes;
    sum.live_objects += row.live_objects;
    sum.live_bytes += row.live_bytes;
}

/// Sums of estimates may end a little below 0.
pub(super) fn whole(number: f64) -> u64 {
    number.max(0.0).round() as u64
}

/// Whether a function only passes a request on to the allocator.
fn hands_on(function: &str) -> bool {
    const NAMES: [&str; 8] = [
        "malloc",
        "calloc",
        "realloc",
        "free",
        "posix_memalign",
        "aligned_alloc",
        "memalign",
        "reallocarray",
    ];
    const BEGINNINGS: [&str; 9] = [
        "operator new",
        "std::allocator",
        "std::__new_allocator",
        "__gnu_cxx::new_allocator",
        "alloc::",
        "<alloc::",
        "__rust_",
        "__rustc::",
        "hashbrown::raw::",
    ];
    NAMES.contains(&function)
        || BEGINNINGS
            .iter()
            .any(|beginning| function.starts_with(beginning))
}
