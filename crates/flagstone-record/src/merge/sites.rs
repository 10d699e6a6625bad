//! From the recorder's call sites to those of a trace.

use std::io::{self, Write};

use flagstone_trace::{Module, StackId, Writer};
use hashbrown::HashMap;

use crate::spool::Spool;
use crate::spool::format::{WORD, site};

/// The stacks that records name, and their numbers in the trace once they have one.
#[derive(Debug, Default)]
pub(crate) struct CallSites {
    stacks: HashMap<u64, Stack>,
}

#[derive(Clone, Debug)]
enum Stack {
    /// Its addresses, innermost first.
    Unused(Vec<u64>),
    Numbered(StackId),
}

impl CallSites {
    /// Reads all call sites of a spool and writes its modules.
    pub(crate) fn read<W: Write>(spool: &Spool, writer: &mut Writer<W>) -> io::Result<Self> {
        let mut sites = Self::default();
        let words = spool.site_words()?;
        let mut rest = words.as_slice();
        while let Some((&first, after)) = rest.split_first() {
            let count = (first >> site::COUNT_SHIFT) as usize;
            let len = match first & ((1 << site::COUNT_SHIFT) - 1) {
                site::STACK => count + 1,
                site::MODULE => count.div_ceil(WORD as usize) + 3,
                _ => return Err(broken()),
            };
            let (entry, next) = after.split_at_checked(len).ok_or_else(broken)?;
            match *entry {
                [start, end, bias, ref path @ ..] if first & 0xff == site::MODULE => {
                    writer.module(&Module {
                        start,
                        end,
                        bias,
                        path: text(path, count),
                    });
                }
                [number, ref addresses @ ..] => {
                    sites
                        .stacks
                        .insert(number, Stack::Unused(addresses.to_vec()));
                }
                [] => return Err(broken()),
            }
            rest = next;
        }
        Ok(sites)
    }

    /// The number that the stack has in the trace.
    pub(crate) fn number<W: Write>(&mut self, stack: u64, writer: &mut Writer<W>) -> StackId {
        let Some(entry) = self.stacks.get_mut(&stack) else {
            return StackId::UNKNOWN;
        };
        let number = match entry {
            Stack::Numbered(number) => return *number,
            Stack::Unused(addresses) => addresses
                .iter()
                .rev()
                .fold(StackId::UNKNOWN, |caller, &address| {
                    writer.stack(caller, address)
                }),
        };
        *entry = Stack::Numbered(number);
        number
    }
}

fn text(words: &[u64], len: usize) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    String::from_utf8_lossy(&bytes[..len.min(bytes.len())]).into_owned()
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a call site is broken")
}
