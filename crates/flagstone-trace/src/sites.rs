//! Where in the program events happened: stacks of return addresses and what the addresses mean.

use hashbrown::{HashMap, HashSet};

use crate::TraceError;
use crate::section::MAX_SITES_BYTES;
use crate::varint::{self, Cursor};

/// Names a stack of return addresses. The numbers of a trace are dense and start at 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackId(pub u32);

impl StackId {
    /// The stack of events whose call site is not known.
    pub const UNKNOWN: Self = Self(0);
}

/// A file that was mapped into the process: the program or a shared library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// Its first address.
    pub start: u64,
    /// The address behind its last.
    pub end: u64,
    /// What is added to an address of the file to get one of the process.
    pub bias: u64,
    /// Where the file is, as the process knew it.
    pub path: String,
}

/// What one address is in the source. An address inside of inlined calls is several.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The function; empty when it is not known.
    pub function: String,
    /// The file of the source; empty when it is not known.
    pub file: String,
    /// The line in it; 0 when it is not known.
    pub line: u32,
}

/// The call sites of a trace, as far as it was read or written.
///
/// Stacks share what they have in common: each is one address on top of another stack. Memory is
/// bounded by the file, and by the limits of the format: some 4 million addresses, 64 MiB of names.
#[derive(Clone, Debug, Default)]
pub struct Sites {
    modules: Vec<Module>,
    names: HashMap<u64, Vec<Location>>,
    names_bytes: usize,
    nodes: Vec<Node>,
}

/// One address and the stack that called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Node {
    caller: StackId,
    address: u64,
}

/// The most nodes, modules, bytes of names and bytes in one text of a trace.
const MAX_NODES: usize = 1 << 22;
const MAX_MODULES: usize = 1 << 16;
const MAX_NAMES_BYTES: usize = 64 << 20;
const MAX_TEXT: usize = 1 << 14;

/// What an address with a location costs beside its texts.
const NAME_BYTES: usize = 64;

impl Sites {
    /// How many stacks there are; their numbers are 1 to this.
    #[must_use]
    pub fn stacks(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// The modules, in the order in which they were met.
    #[must_use]
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The return addresses of a stack, from the call of the allocator outwards. Those of an
    /// unknown stack are none.
    pub fn frames(&self, stack: StackId) -> impl Iterator<Item = u64> {
        let mut next = self.node(stack);
        std::iter::from_fn(move || {
            let node = next?;
            next = self.node(node.caller);
            Some(node.address)
        })
    }

    /// The innermost address of a stack and the stack that called it; none of an unknown one.
    #[must_use]
    pub fn top(&self, stack: StackId) -> Option<(u64, StackId)> {
        self.node(stack).map(|node| (node.address, node.caller))
    }

    /// The module that an address is in; of several that were there one after another, the last.
    #[must_use]
    pub fn module_of(&self, address: u64) -> Option<&Module> {
        let mut newest_first = self.modules.iter().rev();
        newest_first.find(|module| (module.start..module.end).contains(&address))
    }

    /// What the trace itself says an address is, innermost call first. Recorded traces say nothing:
    /// there the modules' files tell.
    #[must_use]
    pub fn locations(&self, address: u64) -> &[Location] {
        self.names.get(&address).map_or(&[], Vec::as_slice)
    }

    fn node(&self, stack: StackId) -> Option<Node> {
        self.nodes.get((stack.0 as usize).checked_sub(1)?).copied()
    }

    /// Takes in what [`SitesWriter`] wrote into one section.
    pub(crate) fn extend(&mut self, bytes: &[u8]) -> Result<(), TraceError> {
        let mut cursor = Cursor::new(bytes);
        self.extend_from(&mut cursor)
            .filter(|()| cursor.is_empty())
            .ok_or_else(|| TraceError::corrupted_part("list of call sites"))
    }

    fn extend_from(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        for _ in 0..cursor.varint()? {
            let start = cursor.varint()?;
            let module = Module {
                start,
                end: start.checked_add(cursor.varint()?)?,
                bias: cursor.varint()?,
                path: cursor.string()?,
            };
            self.modules.push(module);
        }
        for _ in 0..cursor.varint()? {
            let address = cursor.varint()?;
            let mut locations = Vec::new();
            for _ in 0..cursor.varint()? {
                let location = Location {
                    function: cursor.string()?,
                    file: cursor.string()?,
                    line: cursor.varint()?.try_into().ok()?,
                };
                self.names_bytes += location.bytes();
                locations.push(location);
            }
            self.names_bytes += NAME_BYTES;
            self.names.insert(address, locations);
        }
        let mut address = 0u64;
        for _ in 0..cursor.varint()? {
            let caller = StackId(cursor.varint()?.try_into().ok()?);
            let step = varint::unzigzag(cursor.varint()?);
            address = address.wrapping_add(step as u64);
            // A caller is always older, so a stack has an end.
            if caller.0 as usize > self.nodes.len() {
                return None;
            }
            self.nodes.push(Node { caller, address });
        }
        let fits = self.nodes.len() <= MAX_NODES
            && self.modules.len() <= MAX_MODULES
            && self.names_bytes <= MAX_NAMES_BYTES;
        fits.then_some(())
    }
}

impl Location {
    fn bytes(&self) -> usize {
        NAME_BYTES + cut(&self.function).len() + cut(&self.file).len()
    }
}

/// Collects call sites and writes down those that are new.
#[derive(Debug, Default)]
pub(crate) struct SitesWriter {
    numbers: HashMap<Node, StackId>,
    named: HashSet<u64>,
    names_bytes: usize,
    module_count: usize,
    modules: Section,
    names: Section,
    nodes: Section,
    last_address: u64,
}

/// What was not written yet of one kind.
#[derive(Debug, Default)]
struct Section {
    count: u64,
    bytes: Vec<u8>,
}

impl SitesWriter {
    /// Bytes of new call sites from which on they should be written; a single addition is smaller
    /// than the rest of a section.
    const FULL: usize = MAX_SITES_BYTES / 2;

    pub(crate) fn module(&mut self, module: &Module) {
        if self.module_count == MAX_MODULES {
            return;
        }
        self.module_count += 1;
        let (out, path) = (&mut self.modules.bytes, cut(&module.path));
        varint::put(out, module.start);
        varint::put(out, module.end.saturating_sub(module.start));
        varint::put(out, module.bias);
        varint::put_str(out, path);
        self.modules.count += 1;
    }

    pub(crate) fn name(&mut self, address: u64, locations: &[Location]) {
        // So that one address never fills a section: nobody inlines this deep.
        const MOST: usize = 32;
        let locations = &locations[..locations.len().min(MOST)];
        let bytes = NAME_BYTES + locations.iter().map(Location::bytes).sum::<usize>();
        if self.names_bytes + bytes > MAX_NAMES_BYTES || !self.named.insert(address) {
            return;
        }
        self.names_bytes += bytes;
        let out = &mut self.names.bytes;
        varint::put(out, address);
        varint::put(out, locations.len() as u64);
        for location in locations {
            varint::put_str(out, cut(&location.function));
            varint::put_str(out, cut(&location.file));
            varint::put(out, u64::from(location.line));
        }
        self.names.count += 1;
    }

    /// The stack of `address` called by `caller`. When the format holds no more, what is known
    /// of it: its caller.
    pub(crate) fn stack(&mut self, caller: StackId, address: u64) -> StackId {
        let node = Node { caller, address };
        if let Some(&number) = self.numbers.get(&node) {
            return number;
        }
        if self.numbers.len() == MAX_NODES || caller.0 as usize > self.numbers.len() {
            return caller;
        }
        let number = StackId(self.numbers.len() as u32 + 1);
        self.numbers.insert(node, number);
        varint::put(&mut self.nodes.bytes, u64::from(caller.0));
        let step = address.wrapping_sub(self.last_address);
        varint::put(&mut self.nodes.bytes, varint::zigzag(step as i64));
        self.last_address = address;
        self.nodes.count += 1;
        number
    }

    /// Whether `stack` is one that was handed out, or the unknown one.
    pub(crate) fn knows(&self, stack: StackId) -> bool {
        stack.0 as usize <= self.numbers.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        let sections = [&self.modules, &self.names, &self.nodes];
        sections.iter().map(|s| s.bytes.len()).sum::<usize>() > Self::FULL
    }

    pub(crate) fn is_empty(&self) -> bool {
        [&self.modules, &self.names, &self.nodes]
            .iter()
            .all(|s| s.count == 0)
    }

    /// Writes what is new to `out` (cleared first).
    pub(crate) fn take(&mut self, out: &mut Vec<u8>) {
        out.clear();
        for section in [&mut self.modules, &mut self.names, &mut self.nodes] {
            varint::put(out, section.count);
            out.append(&mut section.bytes);
            section.count = 0;
        }
        self.last_address = 0;
    }
}

/// The longest beginning of `text` that the format holds.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}
