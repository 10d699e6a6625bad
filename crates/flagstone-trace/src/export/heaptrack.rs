//! Heaptrack's data file, version 3 of its interpreted text (see `import/heaptrack.rs`).

use std::io::{self, Write};

use hashbrown::HashMap;

use super::Symbols;
use crate::{Event, EventKind, Header, Location, ObjectId, Sites, StackId};

/// Writes each event as it comes, as plain text; viewers expect `.gz` in the name of a file that is
/// compressed. A reallocation becomes an object that goes and
/// one that appears, as heaptrack itself does. Memory: the live objects and the call sites.
#[derive(Debug)]
pub struct HeaptrackWriter<W: Write> {
    to: W,
    strings: HashMap<String, u64>,
    instructions: HashMap<u64, u64>,
    stacks: HashMap<StackId, u64>,
    kinds: HashMap<(u64, u64), u64>,
    live: HashMap<ObjectId, u64>,
    time_ms: u64,
}

impl<W: Write> HeaptrackWriter<W> {
    /// Writes the beginning of a file.
    ///
    /// # Errors
    ///
    /// Those of `to`.
    pub fn new(mut to: W, header: &Header) -> io::Result<Self> {
        writeln!(to, "v 10400 3")?;
        let words = [&header.program].into_iter().chain(&header.args);
        let words: Vec<_> = words.map(|word| one_line(word)).collect();
        writeln!(to, "X {}\nI 1000 0", words.join(" "))?;
        Ok(Self {
            to,
            strings: HashMap::new(),
            instructions: HashMap::new(),
            stacks: HashMap::new(),
            kinds: HashMap::new(),
            live: HashMap::new(),
            time_ms: 0,
        })
    }

    /// Writes the next event.
    ///
    /// # Errors
    ///
    /// Those of the underlying writer.
    pub fn push(
        &mut self,
        event: &Event,
        stack: StackId,
        sites: &Sites,
        symbols: &mut dyn Symbols,
    ) -> io::Result<()> {
        let time_ms = event.time_ns / 1_000_000;
        if time_ms > self.time_ms {
            self.time_ms = time_ms;
            writeln!(self.to, "c {time_ms:x}")?;
        }
        let object = event.kind.object();
        if let Some(kind) = self.live.remove(&object) {
            writeln!(self.to, "- {kind:x}")?;
        }
        match event.kind {
            EventKind::Alloc { size, .. } | EventKind::Realloc { size, .. } => {
                let stack = self.stack(stack, sites, symbols)?;
                let next = self.kinds.len() as u64;
                let kind = *self.kinds.entry((size, stack)).or_insert(next);
                if kind == next {
                    writeln!(self.to, "a {size:x} {stack:x}")?;
                }
                writeln!(self.to, "+ {kind:x}")?;
                self.live.insert(object, kind);
            }
            EventKind::Free { .. } => {}
        }
        Ok(())
    }

    /// Writes the end and gives the underlying writer back.
    ///
    /// # Errors
    ///
    /// Those of the underlying writer.
    pub fn finish(mut self, duration_ns: u64) -> io::Result<W> {
        writeln!(
            self.to,
            "c {:x}",
            (duration_ns / 1_000_000).max(self.time_ms)
        )?;
        self.to.flush()?;
        Ok(self.to)
    }

    /// The file's number of a stack; 0 is none.
    fn stack(
        &mut self,
        stack: StackId,
        sites: &Sites,
        symbols: &mut dyn Symbols,
    ) -> io::Result<u64> {
        if let Some(&number) = self.stacks.get(&stack) {
            return Ok(number);
        }
        // Outermost first, each on top of the one before. Stacks that share callers are written
        // once, because what is kept is every stack on the way.
        let mut missing = Vec::new();
        let (mut at, mut number) = (stack, 0);
        while let Some((address, caller)) = sites.top(at) {
            if let Some(&known) = self.stacks.get(&at) {
                number = known;
                break;
            }
            missing.push((at, address));
            at = caller;
        }
        for (at, address) in missing.into_iter().rev() {
            let instruction = self.instruction(address, sites, symbols)?;
            writeln!(self.to, "t {instruction:x} {number:x}")?;
            // The unknown stack is not in the file.
            number = self.stacks.len() as u64 + 1;
            self.stacks.insert(at, number);
        }
        Ok(number)
    }

    fn instruction(
        &mut self,
        address: u64,
        sites: &Sites,
        symbols: &mut dyn Symbols,
    ) -> io::Result<u64> {
        if let Some(&number) = self.instructions.get(&address) {
            return Ok(number);
        }
        let module = sites.module_of(address).map_or("", |module| &module.path);
        let module = self.string(module)?;
        let mut text = String::new();
        for Location {
            function,
            file,
            line,
        } in symbols.locations(sites, address)
        {
            let (function, file) = (self.string(&function)?, self.string(&file)?);
            text += &format!(" {function:x} {file:x} {line:x}");
        }
        writeln!(self.to, "i {address:x} {module:x}{text}")?;
        let number = self.instructions.len() as u64 + 1;
        self.instructions.insert(address, number);
        Ok(number)
    }

    /// The file's number of a text; 0 is the empty one.
    fn string(&mut self, text: &str) -> io::Result<u64> {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(&number) = self.strings.get(text) {
            return Ok(number);
        }
        let line = one_line(text);
        writeln!(self.to, "s {:x} {line}", line.len())?;
        let number = self.strings.len() as u64 + 1;
        self.strings.insert(text.into(), number);
        Ok(number)
    }
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
