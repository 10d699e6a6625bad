//! Imports files and looks at the traces.

use std::collections::BTreeMap;

use flagstone_trace::import::{ImportError, Imported, import};
use flagstone_trace::{
    Event, Header, LiveStats, Reader, SiteRow, SiteStats, Sites, StackId, Summary, Validator,
};

/// A trace that was checked by all rules.
pub(crate) struct View {
    pub(crate) header: Header,
    pub(crate) events: Vec<(Event, StackId)>,
    pub(crate) sites: Sites,
    pub(crate) summary: Summary,
    pub(crate) stats: LiveStats,
}

pub(crate) fn imported(file: &[u8]) -> Result<(View, Imported), ImportError> {
    let mut trace = Vec::new();
    let imported = import(file, &mut trace)?;
    let view = View::of(&trace);
    assert_eq!(view.summary, imported.summary);
    assert_eq!(view.summary.complete, imported.cut.is_none());
    Ok((view, imported))
}

impl View {
    pub(crate) fn of(trace: &[u8]) -> Self {
        let mut reader = Reader::new(trace).unwrap();
        let (mut block, mut events) = (Vec::new(), Vec::new());
        let (mut validator, mut stats) = (Validator::default(), LiveStats::default());
        while reader.next_block(&mut block).unwrap() {
            for (index, event) in block.iter().enumerate() {
                validator.check(event).unwrap();
                stats.push(event).unwrap();
                events.push((*event, reader.stack(index)));
            }
        }
        Self {
            header: reader.header().clone(),
            events,
            sites: reader.sites().clone(),
            summary: *reader.summary().unwrap(),
            stats,
        }
    }

    pub(crate) fn site_stats(&self) -> SiteStats {
        let mut first = SiteStats::new(self.header.sampling);
        self.events
            .iter()
            .for_each(|(event, stack)| first.push(event, *stack));
        let mut stats = SiteStats::with_peak_at(self.header.sampling, first.peak_event());
        self.events
            .iter()
            .for_each(|(event, stack)| stats.push(event, *stack));
        stats
    }

    /// The totals by the names of the functions, innermost first.
    pub(crate) fn by_functions(&self) -> BTreeMap<String, SiteRow> {
        let names = |stack| {
            let frames = self.sites.frames(stack);
            let names = frames.flat_map(|address| self.sites.locations(address));
            names
                .map(|name| name.function.as_str())
                .collect::<Vec<_>>()
                .join(" < ")
        };
        self.site_stats()
            .rows()
            .map(|(stack, row)| (names(stack), row))
            .collect()
    }
}
