//! The numbers of a trace, collected in one pass.

use flagstone_trace::{Header, LiveStats, SiteStats, StackId, Summary};

use super::sites::{self, Site};

use crate::replay::survey::is_partial;
use crate::totals::Totals;
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
    pub(super) format_version: u16,
    /// What a sample says of the whole.
    pub(super) estimate: Option<SiteStats>,
    /// The call sites that allocate most, if they were asked for.
    pub(super) sites: Option<Vec<Site>>,
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
        let sampling = reader.header().sampling;
        let mut estimate = sampling.map(|sampling| SiteStats::new(Some(sampling)));
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
                if let Some(estimate) = &mut estimate {
                    estimate.push(event, StackId::UNKNOWN);
                }
            }
            progress(stats.events());
        };
        Ok(Self {
            name: source.to_string(),
            header: reader.header().clone(),
            stats,
            summary: reader.summary().copied(),
            bytes_on_disk: source.bytes_on_disk()?,
            format_version: reader.version(),
            estimate,
            sites: None,
            cut,
        })
    }

    /// Adds the `most` call sites that allocate most, in two more passes over the trace.
    ///
    /// # Errors
    ///
    /// If the trace has no call sites, or cannot be read any more.
    pub fn add_sites(
        &mut self,
        source: &Source,
        most: u32,
        progress: impl FnMut(u64),
    ) -> Result<(), Failure> {
        let totals = Totals::of(source, progress)?;
        if totals.sites.stacks() == 0 {
            let missing = "the trace has no call sites: record it with --stacks";
            return Err(Failure::about(source, missing));
        }
        self.sites = Some(sites::top(&totals, most as usize));
        Ok(())
    }

    /// Why the trace could be read only in part, if so.
    #[must_use]
    pub fn cut(&self) -> Option<&str> {
        self.cut.as_deref()
    }
}
