//! Heaptrack's data files: lines of a letter and numbers in base 16.
//!
//! ```text
//! v VERSION FILE-VERSION   X COMMAND LINE   c MILLISECONDS
//! s LENGTH TEXT            a string (before version 3: s TEXT)
//! i ADDRESS MODULE [FUNCTION FILE LINE]...     innermost call first; strings count from 1
//! t INSTRUCTION CALLER     a stack: one instruction on top of another stack
//! a SIZE STACK             a kind of objects; kinds count from 0
//! + KIND                   an object of that kind appears
//! - KIND                   and one goes
//! ```

use std::io::{BufRead, Read, Write};

use super::{ImportError, Imported};
use crate::{
    Event, EventKind, Header, LiveStats, Location, ObjectId, Origin, StackId, StopReason, Summary,
    ThreadNumber, Writer,
};

/// The longest line that is read.
const LONGEST_LINE: u64 = 1 << 20;
/// The alignment that plain `malloc` promises; the file tells none.
const ALIGN: u64 = 16;

pub(super) fn import<W: Write>(text: impl BufRead, to: W) -> Result<Imported, ImportError> {
    let mut lines = Lines::new(text);
    let head = Head::read(&mut lines)?;
    let header = Header {
        program: head.program,
        args: head.args,
        origin: Origin::Heaptrack,
        stack_depth: DEPTH,
        ..Header::default()
    };
    let mut import = Import {
        writer: Writer::new(to, header)?,
        stats: LiveStats::default(),
        version: head.version,
        strings: Vec::new(),
        instructions: Vec::new(),
        stacks: Vec::new(),
        kinds: Vec::new(),
        time_ns: 0,
        unmatched: 0,
    };
    let cut = match import.all(&mut lines) {
        Ok(()) => None,
        Err(error) if error.is_write() || import.stats.events() == 0 => return Err(error),
        Err(error) => Some(error.to_string()),
    };
    let summary = Summary {
        unmatched_frees: import.unmatched,
        complete: cut.is_none(),
        stopped: cut.as_ref().map(|_| StopReason::Failure),
        ..import.stats.summary()
    };
    import.writer.finish(summary)?;
    Ok(Imported { summary, cut })
}

/// Heaptrack keeps up to this many addresses of a stack.
const DEPTH: u32 = 64;

/// What stands before the first event.
struct Head {
    version: u64,
    program: String,
    args: Vec<String>,
}

impl Head {
    fn read(lines: &mut Lines<impl BufRead>) -> Result<Self, ImportError> {
        let (mut version, mut command) = (None, String::new());
        while let Some(mut line) = lines.next()? {
            match line.letter {
                b'#' | b'A' => {}
                b'v' => {
                    let (_, file) = (line.number()?, line.number()?);
                    version = Some(file);
                }
                b'X' => command = line.text(),
                _ => {
                    lines.put_back();
                    break;
                }
            }
        }
        let found = || ImportError::version("heaptrack", "none".into(), "versions 1 to 3");
        let version = version.ok_or_else(found)?;
        if !(1..=3).contains(&version) {
            let found = format!("{version}");
            return Err(ImportError::version("heaptrack", found, "versions 1 to 3"));
        }
        let mut words = command.split_whitespace().map(String::from);
        Ok(Self {
            version,
            program: words.next().unwrap_or_else(|| "unknown".into()),
            args: words.collect(),
        })
    }
}

struct Import<W: Write> {
    writer: Writer<W>,
    stats: LiveStats,
    version: u64,
    strings: Vec<String>,
    instructions: Vec<u64>,
    stacks: Vec<StackId>,
    kinds: Vec<KindOfObject>,
    time_ns: u64,
    unmatched: u64,
}

/// Objects that the file does not tell apart.
struct KindOfObject {
    size: u64,
    stack: StackId,
    live: Vec<ObjectId>,
}

impl<W: Write> Import<W> {
    fn all(&mut self, lines: &mut Lines<impl BufRead>) -> Result<(), ImportError> {
        while let Some(line) = lines.next()? {
            self.line(line)?;
        }
        Ok(())
    }

    fn line(&mut self, mut line: Line<'_>) -> Result<(), ImportError> {
        match line.letter {
            b's' => {
                if self.version >= 3 {
                    line.number()?;
                }
                self.strings.push(line.text());
            }
            b'i' => self.instruction(&mut line)?,
            b't' => {
                let (instruction, caller) = (line.index()?, line.index()?);
                let address = instruction.and_then(|index| self.instructions.get(index));
                let address = *address.ok_or_else(|| line.wrong(UNKNOWN_INSTRUCTION))?;
                let caller = self
                    .stack(caller)
                    .ok_or_else(|| line.wrong(UNKNOWN_STACK))?;
                let stack = self.writer.stack(caller, address);
                self.stacks.push(stack);
            }
            b'a' => {
                let (size, stack) = (line.number()?, line.index()?);
                let stack = self.stack(stack).ok_or_else(|| line.wrong(UNKNOWN_STACK))?;
                self.kinds.push(KindOfObject {
                    size,
                    stack,
                    live: Vec::new(),
                });
            }
            b'+' => self.appears(&mut line)?,
            b'-' => self.goes(&mut line)?,
            b'c' => {
                let now = line.number()?.saturating_mul(1_000_000);
                self.time_ns = self.time_ns.max(now);
            }
            // Resident memory, page size, suppressions, a late start, comments, a command.
            b'R' | b'I' | b'S' | b'A' | b'#' | b'X' => {}
            _ => return Err(line.wrong("starts with a letter that is not known")),
        }
        Ok(())
    }

    /// An address and what it is in the source.
    fn instruction(&mut self, line: &mut Line<'_>) -> Result<(), ImportError> {
        let (address, module) = (line.number()?, line.index()?);
        let mut locations = Vec::new();
        while let Some(function) = line.next_number()? {
            let file = line.next_number()?.unwrap_or(0);
            let location = Location {
                function: self.string(function).into(),
                file: self.string(file).into(),
                line: line.next_number()?.unwrap_or(0).try_into().unwrap_or(0),
            };
            locations.push(location);
        }
        if locations.is_empty() {
            locations.push(Location::default());
        }
        let module = module.and_then(|index| self.strings.get(index));
        let module = module.map_or("", String::as_str);
        let name = module.rsplit('/').next().unwrap_or(module);
        for location in locations
            .iter_mut()
            .filter(|location| location.function.is_empty())
        {
            location.function = format!("?? in {name}");
        }
        self.writer.name(address, &locations)?;
        self.instructions.push(address);
        Ok(())
    }

    fn appears(&mut self, line: &mut Line<'_>) -> Result<(), ImportError> {
        let object = ObjectId(self.stats.objects());
        let kind = line.number()? as usize;
        let kind = self
            .kinds
            .get_mut(kind)
            .ok_or_else(|| line.wrong(UNKNOWN_KIND))?;
        kind.live.push(object);
        let (size, stack) = (kind.size, kind.stack);
        let kind = EventKind::Alloc {
            object,
            size,
            align: ALIGN,
            zeroed: false,
        };
        self.push(kind, stack)
    }

    fn goes(&mut self, line: &mut Line<'_>) -> Result<(), ImportError> {
        let kind = line.number()? as usize;
        let kind = self
            .kinds
            .get_mut(kind)
            .ok_or_else(|| line.wrong(UNKNOWN_KIND))?;
        // Which one goes is not in the file. Most objects die young.
        match kind.live.pop() {
            Some(object) => self.push(EventKind::Free { object }, StackId::UNKNOWN),
            None => {
                self.unmatched += 1;
                Ok(())
            }
        }
    }

    fn push(&mut self, kind: EventKind, stack: StackId) -> Result<(), ImportError> {
        let (thread, time_ns) = (ThreadNumber(0), self.time_ns);
        let event = Event {
            thread,
            time_ns,
            kind,
        };
        self.stats.push(&event)?;
        Ok(self.writer.push_at(&event, stack)?)
    }

    /// The stack at an index of the file; none is the unknown one.
    fn stack(&self, index: Option<usize>) -> Option<StackId> {
        match index {
            None => Some(StackId::UNKNOWN),
            Some(index) => self.stacks.get(index).copied(),
        }
    }

    /// A string by its number in the file; 0 and unknown ones are empty.
    fn string(&self, number: u64) -> &str {
        let index = (number as usize).checked_sub(1);
        index
            .and_then(|index| self.strings.get(index))
            .map_or("", String::as_str)
    }
}

const UNKNOWN_INSTRUCTION: &str = "names an instruction that no line before it has";
const UNKNOWN_STACK: &str = "names a stack that no line before it has";
const UNKNOWN_KIND: &str = "names an allocation that no line before it has";

/// The lines of a file, one at a time.
struct Lines<R> {
    from: R,
    line: Vec<u8>,
    number: u64,
    again: bool,
}

/// A line behind its letter.
struct Line<'a> {
    letter: u8,
    rest: &'a [u8],
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(from: R) -> Self {
        Self {
            from,
            line: Vec::new(),
            number: 0,
            again: false,
        }
    }

    /// Makes [`next`](Self::next) answer the same line again.
    fn put_back(&mut self) {
        self.again = true;
    }

    /// The next line that is not empty.
    fn next(&mut self) -> Result<Option<Line<'_>>, ImportError> {
        while !std::mem::take(&mut self.again) {
            self.line.clear();
            self.number += 1;
            let mut limited = self.from.by_ref().take(LONGEST_LINE);
            let read = limited.read_until(b'\n', &mut self.line);
            if read.map_err(ImportError::read)? == 0 {
                return Ok(None);
            }
            if self.line.pop_if(|byte| *byte == b'\n').is_none() {
                // Longer than a line may be, or the file ends within it.
                return Err(ImportError::line(self.number, "has no end"));
            }
            if !self.line.is_empty() {
                break;
            }
        }
        let number = self.number;
        let line = self.line.split_first().map(|(&letter, rest)| Line {
            letter,
            rest,
            number,
        });
        Ok(line)
    }
}

impl Line<'_> {
    fn wrong(&self, what: &'static str) -> ImportError {
        ImportError::line(self.number, what)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.rest.strip_prefix(b" ").unwrap_or(self.rest)).into_owned()
    }

    /// The next number, or `None` at the end of the line.
    fn next_number(&mut self) -> Result<Option<u64>, ImportError> {
        let Some(rest) = self.rest.strip_prefix(b" ") else {
            return if self.rest.is_empty() {
                Ok(None)
            } else {
                Err(self.wrong(NO_NUMBER))
            };
        };
        let len = rest
            .iter()
            .position(|byte| *byte == b' ')
            .unwrap_or(rest.len());
        let (digits, rest) = rest.split_at(len);
        self.rest = rest;
        if digits.is_empty() && rest.is_empty() {
            return Ok(None);
        }
        let digits = str::from_utf8(digits).ok();
        let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        number.map(Some).ok_or_else(|| self.wrong(NO_NUMBER))
    }

    fn number(&mut self) -> Result<u64, ImportError> {
        self.next_number()?
            .ok_or_else(|| self.wrong("ends too early"))
    }

    /// A number that counts from 1 as an index; 0 is none.
    fn index(&mut self) -> Result<Option<usize>, ImportError> {
        Ok((self.number()? as usize).checked_sub(1))
    }
}

const NO_NUMBER: &str = "has something else where a number in base 16 is expected";
