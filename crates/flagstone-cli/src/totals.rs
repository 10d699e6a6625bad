//! What a trace's call sites allocated, in two passes over it.

use flagstone_trace::{Event, Header, SiteStats, Sites, StackId};

use crate::replay::survey::is_partial;
use crate::{Failure, Source, SourceReader};

/// The totals of a trace by call site, its call sites, and how far it could be read.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(crate) header: Header,
    pub(crate) stats: SiteStats,
    pub(crate) sites: Sites,
    pub(crate) duration_ns: u64,
    /// Why the trace could be read only in part, if so.
    pub(crate) cut: Option<String>,
}

impl Totals {
    /// Reads a trace twice: the second time it is known when the peak is. Calls `progress` with the
    /// events of the pass after each block.
    pub(crate) fn of(source: &Source, mut progress: impl FnMut(u64)) -> Result<Self, Failure> {
        let mut reader = source.open()?;
        let sampling = reader.header().sampling;
        let mut first = SiteStats::new(sampling);
        each_event(source, &mut reader, &mut progress, |event, stack, _| {
            first.push(event, stack);
            Ok(())
        })?;
        let mut reader = source.open()?;
        let mut stats = SiteStats::with_peak_at(sampling, first.peak_event());
        let mut duration_ns = 0;
        let cut = each_event(source, &mut reader, &mut progress, |event, stack, _| {
            stats.push(event, stack);
            duration_ns = duration_ns.max(event.time_ns);
            Ok(())
        })?;
        Ok(Self {
            header: reader.header().clone(),
            stats,
            sites: reader.sites().clone(),
            duration_ns,
            cut,
        })
    }
}

/// Calls `each` with every event of a trace, its call site, and the call sites so far. Answers why
/// that was not all, if so.
pub(crate) fn each_event(
    source: &Source,
    reader: &mut SourceReader,
    progress: &mut dyn FnMut(u64),
    mut each: impl FnMut(&Event, StackId, &Sites) -> Result<(), Failure>,
) -> Result<Option<String>, Failure> {
    let (mut block, mut events) = (Vec::new(), 0);
    loop {
        match reader.next_block(&mut block) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) if events > 0 && is_partial(&error) => return Ok(Some(error.to_string())),
            Err(error) => return Err(Failure::about(source, error)),
        }
        for (index, event) in block.iter().enumerate() {
            each(event, reader.stack(index), reader.sites())?;
        }
        events += block.len() as u64;
        progress(events);
    }
}
