//! What was found out about each allocation of a trace, from the survey to the replay.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::SpooledTempFile;

/// How many levels there are. Level 0 stands for no phase.
pub(in crate::replay) const LEVELS: u8 = 8;

/// Fewest objects of a phase.
pub(in crate::replay) const MIN_OBJECTS: u32 = 16;

/// Objects of a level live less than so many events.
pub(super) fn span_of(level: u8) -> u32 {
    1 << (2 * u32::from(level) + 4)
}

/// Up to so many bytes are kept in memory, and the rest in a file.
const IN_MEMORY: usize = 1 << 20;

/// One byte for every allocation of a trace, in their order: its level, or 0.
///
/// That is as long as the trace, and memory is not to be: what is more than a megabyte goes to a
/// temporary file without a name.
#[derive(Clone)]
pub(in crate::replay) struct Levels(Arc<Mutex<SpooledTempFile>>);

impl Default for Levels {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(SpooledTempFile::new(IN_MEMORY))))
    }
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Levels").finish_non_exhaustive()
    }
}

impl Levels {
    fn with<R>(&self, work: impl FnOnce(&mut SpooledTempFile) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds the levels of the next allocations.
    pub(super) fn push(&self, levels: &[u8]) -> io::Result<()> {
        self.with(|file| file.write_all(levels))
    }

    /// Copies all of them, for another process.
    pub(in crate::replay) fn send(&self, to: &mut impl Write) -> io::Result<()> {
        self.with(|file| {
            file.rewind()?;
            io::copy(file, to).map(|_| ())
        })
    }

    /// Those that another process sent.
    pub(in crate::replay) fn receive(from: &mut impl Read) -> io::Result<Self> {
        let levels = Self::default();
        levels.with(|file| io::copy(from, file))?;
        Ok(levels)
    }

    /// Reads them from the first one on.
    pub(in crate::replay) fn reader(&self) -> LevelsReader {
        LevelsReader {
            levels: self.clone(),
            position: 0,
        }
    }
}

/// Where a replay is in its [`Levels`].
#[derive(Debug)]
pub(in crate::replay) struct LevelsReader {
    levels: Levels,
    position: u64,
}

impl LevelsReader {
    /// Replaces what `levels` holds with the next `count` ones; an error when there are fewer.
    pub(in crate::replay) fn next(&mut self, count: usize, levels: &mut Vec<u8>) -> io::Result<()> {
        levels.clear();
        levels.resize(count, 0);
        let position = self.position;
        self.position += count as u64;
        self.levels.with(|file| {
            file.seek(SeekFrom::Start(position))?;
            file.read_exact(levels)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_memory_should_hold_comes_back_in_order() {
        let all: Vec<u8> = (0..3 * IN_MEMORY as u64).map(|n| (n % 251) as u8).collect();
        let levels = Levels::default();
        all.chunks(77_777)
            .for_each(|part| levels.push(part).expect("a temporary file"));
        let mut sent = Vec::new();
        levels.send(&mut sent).expect("a temporary file");
        assert!(sent == all);
        let received = Levels::receive(&mut sent.as_slice()).expect("a temporary file");
        let (mut reader, mut part) = (received.reader(), Vec::new());
        for expected in all.chunks(65_536) {
            reader
                .next(expected.len(), &mut part)
                .expect("a temporary file");
            assert!(part == expected);
        }
        assert!(reader.next(1, &mut part).is_err(), "there are no more");
    }
}
