//! DHAT's profiles: totals of each call site ("program point"), and no events.
//!
//! What is exact in the trace: of each call site the number of blocks, their bytes, and the blocks and
//! bytes never freed. What is a **model**: the blocks of a call site are of equal size and come at
//! equal distances over the whole run, and each that is freed lives for the mean lifetime. So the
//! order of events, the peak, and the spread of sizes and lifetimes within a call site are not those
//! of the program, and `replay` refuses such a trace. The alternative, to keep the totals beside the
//! events, would need a second kind of trace in every reader, for the same answers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{BufRead, Write};

use serde::Deserialize;

use super::{ImportError, Imported};
use crate::{
    Event, EventKind, Header, LiveStats, Location, ObjectId, Origin, StackId, Summary,
    ThreadNumber, Writer,
};

/// The most blocks of which a model is made: some minutes of work.
const MOST_BLOCKS: u64 = 100_000_000;
const ALIGN: u64 = 16;

#[derive(Deserialize)]
struct Profile {
    #[serde(rename = "dhatFileVersion")]
    version: u64,
    mode: String,
    #[serde(default)]
    tu: String,
    #[serde(default)]
    cmd: String,
    #[serde(default)]
    pid: u32,
    #[serde(default)]
    te: u64,
    #[serde(default)]
    pps: Vec<Point>,
    #[serde(default)]
    ftbl: Vec<String>,
}

/// A call site: total bytes and blocks, total lifetime, bytes and blocks at the end, frames.
#[derive(Deserialize)]
struct Point {
    tb: u64,
    tbk: u64,
    #[serde(default)]
    tl: u64,
    #[serde(default)]
    eb: u64,
    #[serde(default)]
    ebk: u64,
    #[serde(default)]
    fs: Vec<usize>,
}

pub(super) fn import<W: Write>(text: impl BufRead, to: W) -> Result<Imported, ImportError> {
    let profile: Profile = serde_json::from_reader(text).map_err(|error| {
        if error.is_io() {
            ImportError::read(error.into())
        } else {
            ImportError::profile(format!("cannot be parsed: {error}"))
        }
    })?;
    profile.check()?;
    let mut words = profile.cmd.split_whitespace().map(String::from);
    let header = Header {
        program: words.next().unwrap_or_else(|| "unknown".into()),
        args: words.collect(),
        pid: profile.pid,
        origin: Origin::Dhat,
        stack_depth: profile
            .pps
            .iter()
            .map(|point| point.fs.len() as u32)
            .max()
            .unwrap_or(0),
        ..Header::default()
    };
    let mut writer = Writer::new(to, header)?;
    let addresses = profile.name_frames(&mut writer)?;
    let mut model = Model::of(&profile, &addresses, &mut writer)?;
    let mut stats = LiveStats::default();
    while let Some((event, stack)) = model.next(ObjectId(stats.objects())) {
        stats.push(&event)?;
        writer.push_at(&event, stack)?;
    }
    let summary = Summary {
        duration_ns: profile.end_ns(),
        ..stats.summary()
    };
    writer.finish(summary)?;
    Ok(Imported { summary, cut: None })
}

impl Profile {
    fn check(&self) -> Result<(), ImportError> {
        if self.version != 2 {
            let found = self.version.to_string();
            return Err(ImportError::version("DHAT", found, "version 2"));
        }
        if !matches!(self.mode.as_str(), "heap" | "rust-heap") {
            let what = format!(
                "is of mode {:?}: only profiles of the heap can be imported",
                self.mode
            );
            return Err(ImportError::profile(what));
        }
        let blocks = self
            .pps
            .iter()
            .try_fold(0u64, |sum, point| sum.checked_add(point.tbk));
        match blocks {
            Some(blocks) if blocks <= MOST_BLOCKS => {}
            _ => {
                let what = format!("has more than {MOST_BLOCKS} blocks, too many to model each");
                return Err(ImportError::profile(what));
            }
        }
        for (index, point) in self.pps.iter().enumerate() {
            let possible = point.ebk <= point.tbk
                && point.eb <= point.tb
                && (point.ebk > 0 || point.eb == 0)
                && (point.ebk < point.tbk || point.eb == point.tb);
            if !possible || point.fs.iter().any(|&frame| frame >= self.ftbl.len()) {
                let what = format!("has an impossible program point (number {index})");
                return Err(ImportError::profile(what));
            }
        }
        Ok(())
    }

    /// Nanoseconds of the model per unit of time of the profile. Instructions and bytes are no
    /// time; each counts as a nanosecond.
    fn unit_ns(&self) -> u64 {
        match self.tu.as_str() {
            "µs" | "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            _ => 1,
        }
    }

    fn end_ns(&self) -> u64 {
        self.te.saturating_mul(self.unit_ns())
    }

    /// Names every frame, and answers their addresses.
    fn name_frames<W: Write>(&self, writer: &mut Writer<W>) -> Result<Vec<u64>, ImportError> {
        let frames = self.ftbl.iter().enumerate();
        frames
            .map(|(index, frame)| {
                let (address, location) = location(frame);
                // A frame without an address gets one that no program has.
                let address = address.unwrap_or(u64::MAX - index as u64);
                writer.name(address, &[location])?;
                Ok(address)
            })
            .collect()
    }
}

/// A frame such as `0x109186: leaf (t.c:4)` or `0x48417B4: malloc (in /usr/lib/a.so)`.
fn location(frame: &str) -> (Option<u64>, Location) {
    let (address, rest) = match frame.split_once(": ") {
        Some((address, rest)) if address.starts_with("0x") => {
            (u64::from_str_radix(&address[2..], 16).ok(), rest)
        }
        _ => (None, frame),
    };
    let (function, place) = match rest.rsplit_once(" (") {
        Some((function, place)) => (function, place.strip_suffix(')').unwrap_or(place)),
        None => (rest, ""),
    };
    let mut place = place.strip_prefix("in ").map_or(place, |_| "");
    let mut numbers = Vec::new();
    // A line, and of the `dhat` crate a column behind it.
    while let Some((before, last)) = place.rsplit_once(':')
        && let Ok(number) = last.parse::<u32>()
        && numbers.len() < 2
    {
        numbers.push(number);
        place = before;
    }
    let location = Location {
        function: function.into(),
        file: place.into(),
        line: numbers.last().copied().unwrap_or(0),
    };
    (address, location)
}

/// Makes up events with the totals of the profile.
struct Model<'a> {
    points: Vec<Modelled<'a>>,
    next: BinaryHeap<Reverse<(u64, Step)>>,
    end_ns: u64,
}

/// What happens next; frees of one time come first, so that nothing lives longer than it must.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Free(ObjectId),
    /// The block of this number of a point.
    Alloc(usize, u64),
}

#[derive(Clone, Copy)]
struct Modelled<'a> {
    point: &'a Point,
    stack: StackId,
    lifetime_ns: u64,
}

impl<'a> Model<'a> {
    fn of<W: Write>(
        profile: &'a Profile,
        addresses: &[u64],
        writer: &mut Writer<W>,
    ) -> Result<Self, ImportError> {
        let mut model = Self {
            points: Vec::new(),
            next: BinaryHeap::new(),
            end_ns: profile.end_ns(),
        };
        for point in profile.pps.iter().filter(|point| point.tbk > 0) {
            // The outermost frame is an artificial root.
            let frames = point
                .fs
                .iter()
                .rev()
                .filter(|&&frame| profile.ftbl[frame] != "[root]");
            let stack = frames.fold(StackId::UNKNOWN, |caller, &frame| {
                writer.stack(caller, addresses[frame])
            });
            let mean = point.tl / point.tbk;
            let index = model.points.len();
            model.points.push(Modelled {
                point,
                stack,
                lifetime_ns: mean.saturating_mul(profile.unit_ns()),
            });
            let first = model.start_of(index, 0);
            model.next.push(Reverse((first, Step::Alloc(index, 0))));
        }
        Ok(model)
    }

    /// When a block is allocated: the blocks of a point are spread evenly.
    fn start_of(&self, index: usize, block: u64) -> u64 {
        let blocks = u128::from(self.points[index].point.tbk);
        let middle = u128::from(self.end_ns) * (2 * u128::from(block) + 1) / (2 * blocks);
        u64::try_from(middle).unwrap_or(self.end_ns)
    }

    /// The next event; `object` is what it allocates, if it does.
    fn next(&mut self, object: ObjectId) -> Option<(Event, StackId)> {
        let Reverse((time_ns, step)) = self.next.pop()?;
        let event = |kind| Event {
            thread: ThreadNumber(0),
            time_ns,
            kind,
        };
        let (index, block) = match step {
            Step::Free(object) => {
                return Some((event(EventKind::Free { object }), StackId::UNKNOWN));
            }
            Step::Alloc(index, block) => (index, block),
        };
        let Modelled {
            point,
            stack,
            lifetime_ns,
        } = self.points[index];
        if block + 1 < point.tbk {
            let start = self.start_of(index, block + 1);
            self.next
                .push(Reverse((start, Step::Alloc(index, block + 1))));
        }
        if block < point.tbk - point.ebk {
            let end = time_ns
                .saturating_add(lifetime_ns)
                .min(self.end_ns)
                .max(time_ns);
            self.next.push(Reverse((end, Step::Free(object))));
        }
        let size = point.size_of(block);
        let kind = EventKind::Alloc {
            object,
            size,
            align: ALIGN,
            zeroed: false,
        };
        Some((event(kind), stack))
    }
}

impl Point {
    /// The size of a block, such that the sums are those of the profile. The last ones stay.
    fn size_of(&self, block: u64) -> u64 {
        let freed = self.tbk - self.ebk;
        let (bytes, blocks, index) = if block < freed {
            (self.tb - self.eb, freed, block)
        } else {
            (self.eb, self.ebk, block - freed)
        };
        bytes / blocks + u64::from(index < bytes % blocks)
    }
}
