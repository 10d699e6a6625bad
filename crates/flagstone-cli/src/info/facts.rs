//! The numbers of a trace, collected in one pass.

use flagstone_trace::{Header, LiveStats, Summary};

use crate::replay::survey::is_partial;
use crate::{Failure, Source};

/// Everything that is shown of a trace. Its [`Display`](std::fmt::Display) is the page.
#[derive(Debug)]
pub struct Facts {
    pub(super) name: String,
    pub(super) header: Header,
    pub(super) stats: LiveStats,
    /// `None` when the end of the trace was not reached.
    pub(super) summary: Option<Summary>,
    pub(super) bytes_on_disk: u64,
    cut: Option<String>,
}

impl Facts {
    /// Reads all of a trace, calling `progress` with the number of events after each block.
    /// Memory: the objects live at once.
    ///
    /// # Errors
    ///
    /// If the trace cannot be opened, not one block of it can be read, or an event is impossible.
    pub fn of(source: &Source, mut progress: impl FnMut(u64)) -> Result<Self, Failure> {
        let mut reader = source.open()?;
        let mut stats = LiveStats::default();
        let mut events = Vec::new();
        let cut = loop {
            match reader.next_block(&mut events) {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) if stats.events() > 0 && is_partial(&error) => {
                    break Some(error.to_string());
                }
                Err(error) => return Err(Failure::about(source, error)),
            }
            for event in &events {
                stats
                    .push(event)
                    .map_err(|error| Failure::about(source, error))?;
            }
            progress(stats.events());
        };
        Ok(Self {
            name: source.to_string(),
            header: reader.header().clone(),
            stats,
            summary: reader.summary().copied(),
            bytes_on_disk: source.bytes_on_disk()?,
            cut,
        })
    }

    /// Why the trace could be read only in part, if so.
    #[must_use]
    pub fn cut(&self) -> Option<&str> {
        self.cut.as_deref()
    }
}
