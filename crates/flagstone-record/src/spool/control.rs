//! What tells the recorders of all processes how to record.

use std::fs;
use std::io;
use std::path::Path;

use super::format::{CONTROL_FILE, CONTROL_MAGIC, PAGE, WORD, control};

/// How to record. The default is everything, without call sites and without a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// Bytes per sample point (see [`Sampling`](flagstone_trace::Sampling)); 0 for all objects.
    pub sample_bytes: u64,
    /// Return addresses to keep of each call, at most 64; 0 for none.
    pub stack_depth: u32,
    /// The most bytes that the records of all processes may take on the disk; 0 without a limit.
    /// Below 64 KiB nothing is recorded.
    pub max_bytes: u64,
    /// Only the children of this process record, and not what they start; 0 for all.
    pub parent_pid: u32,
}

impl Control {
    /// Writes it into a spool folder, before a program is started that records there.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let mut words = [0; (PAGE / WORD) as usize];
        words[control::MAGIC] = CONTROL_MAGIC;
        words[control::SAMPLE] = self.sample_bytes;
        words[control::DEPTH] = u64::from(self.stack_depth);
        words[control::LIMIT] = self.max_bytes;
        words[control::PARENT] = u64::from(self.parent_pid);
        fs::write(
            folder.join(CONTROL_FILE),
            words.map(u64::to_ne_bytes).as_flattened(),
        )
    }
}
