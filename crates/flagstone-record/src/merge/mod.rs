//! From the records of a process's threads to a trace.

mod objects;
mod order;
mod sites;

use std::io::Write;

use flagstone_trace::{StopReason, Summary, Writer};

use crate::spool::Spool;
use crate::{RecordError, Stopped};
use objects::Objects;
use order::Order;
use sites::CallSites;

/// Records between two calls of `progress`.
const STRIDE: u64 = 1 << 16;

/// What merging one process came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Merged {
    pub(crate) summary: Summary,
    pub(crate) inferred_frees: u64,
}

/// Merges the records of one process image by time and adds the events to `writer`, which must be
/// new. Answers the totals for [`Writer::finish`].
///
/// Memory is bounded by the live objects and a buffer per thread. About 150 ns per event.
///
/// # Errors
///
/// The spool cannot be read or is damaged, or the trace cannot be written.
pub fn merge<W: Write>(spool: &Spool, writer: &mut Writer<W>) -> Result<Summary, RecordError> {
    merge_watched(spool, writer, &mut |_| Ok(())).map(|merged| merged.summary)
}

/// As [`merge`]; calls `progress` with the bytes of records merged so far, and ends with its
/// error.
pub(crate) fn merge_watched<W: Write>(
    spool: &Spool,
    writer: &mut Writer<W>,
    progress: &mut dyn FnMut(u64) -> Result<(), RecordError>,
) -> Result<Merged, RecordError> {
    let unreadable = |error| RecordError::spool(spool.path())(error);
    let mut order = Order::new(spool);
    let mut sites = CallSites::read(spool, writer).map_err(unreadable)?;
    let mut objects = Objects::new(spool.sampling().is_some());
    let mut records = 0u64;
    while let Some((thread, record)) = order.next(&objects).map_err(unreadable)? {
        objects.apply(thread, &record, &mut |event, stack| {
            let stack = sites.number(stack, writer);
            writer.push_at(event, stack)
        })?;
        records += 1;
        if records.is_multiple_of(STRIDE) {
            progress(order.bytes_done())?;
        }
    }
    progress(spool.record_bytes())?;
    let stopped = spool.stopped().map(|stopped| match stopped {
        Stopped::Limit => StopReason::Limit,
        Stopped::Failure(_) => StopReason::Failure,
    });
    Ok(objects.finish(stopped))
}

#[cfg(test)]
mod tests;
