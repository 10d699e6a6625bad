//! What a trace may be used for, given how it came about.

use flagstone_trace::{Header, Origin};

use crate::{Failure, Source, output};

/// Why a trace with this header cannot be replayed, if so: the end of a sentence.
pub(crate) fn no_replay(header: &Header) -> Option<String> {
    if let Some(sampling) = header.sampling {
        return Some(format!(
            "this trace is a sample (one point per {} bytes), and the time and memory of an \
             allocator depend on the objects that are missing: record without --sample to replay",
            sampling.bytes()
        ));
    }
    match header.origin {
        Origin::Dhat => Some(
            "this trace is a model of a DHAT profile, which has totals and no order of events: \
             record the program to replay it"
                .into(),
        ),
        _ => None,
    }
}

/// Refuses to replay what cannot be replayed, and says what to keep in mind of the rest.
pub(crate) fn check_replay(source: &Source) -> Result<(), Failure> {
    let reader = source.open()?;
    if let Some(why) = no_replay(reader.header()) {
        return Err(Failure::about(source, why));
    }
    if let Some(caveat) = caveat(reader.header().origin) {
        output::note(&format!("flagstone: {source}: {caveat}\n"));
    }
    Ok(())
}

/// What to keep in mind about a trace that was not recorded here.
pub(crate) fn caveat(origin: Origin) -> Option<&'static str> {
    match origin {
        Origin::Heaptrack => Some(
            "imported from heaptrack: one thread, no alignments, times in steps of 10 ms; of \
             objects alike the youngest is taken to be freed first",
        ),
        Origin::Dhat => Some(
            "a model of a DHAT profile: totals per call site are exact; order, times, peak and the \
             spread of sizes are not",
        ),
        _ => None,
    }
}
