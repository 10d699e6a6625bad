//! Promise: no bytes make an import panic, hang or take memory without bound, and whatever it makes of
//! them is a trace that keeps all rules and can be exported.
//!
//! Each input is read as a file whose format is told, and as one of either format.
#![no_main]

use flagstone_trace::export::{ChromeCounters, Folded, HeaptrackWriter, OwnNames, Pprof, Value};
use flagstone_trace::import::{ImportError, ImportFormat, Imported, import, import_as};
use flagstone_trace::{Reader, SiteStats, Validator};
use libfuzzer_sys::fuzz_target;

/// A file that is small can ask for a model of many blocks: some seconds of work, on purpose. Here it
/// would only be slow.
const MOST_BLOCKS_DIGITS: usize = 4;

fuzz_target!(|input: &[u8]| {
    let longest = input
        .split(|byte| !byte.is_ascii_digit())
        .map(<[u8]>::len)
        .max();
    if longest.is_none_or(|digits| digits <= MOST_BLOCKS_DIGITS) {
        check(|trace| import(input, trace));
        check(|trace| import_as(ImportFormat::Dhat, input, trace));
    }
    check(|trace| import_as(ImportFormat::Heaptrack, input, trace));
});

fn check(import: impl FnOnce(&mut Vec<u8>) -> Result<Imported, ImportError>) {
    let mut trace = Vec::new();
    let Ok(imported) = import(&mut trace) else {
        return;
    };
    let mut reader = Reader::new(trace.as_slice()).expect("a trace");
    let header = reader.header().clone();
    let (mut validator, mut stats) = (Validator::default(), SiteStats::new(None));
    let mut chrome = ChromeCounters::new(&header);
    let mut heaptrack = HeaptrackWriter::new(Vec::new(), &header).expect("a vector takes all");
    let mut block = Vec::new();
    while reader.next_block(&mut block).expect("a whole trace") {
        for (index, event) in block.iter().enumerate() {
            validator.check(event).expect("the rules of a trace");
            let (stack, sites) = (reader.stack(index), reader.sites());
            stats.push(event, stack);
            chrome.push(event);
            heaptrack
                .push(event, stack, sites, &mut OwnNames)
                .expect("a vector takes all");
        }
    }
    assert_eq!(reader.summary(), Some(&imported.summary));
    let (sites, mut out) = (reader.sites(), Vec::new());
    chrome.write(&header, &mut out).expect("a vector takes all");
    Pprof::of(&header, 0, &stats, sites, &mut OwnNames)
        .write(&mut out)
        .expect("a vector takes all");
    Folded::of(&stats, sites, Value::Live, &mut OwnNames)
        .write(&mut out)
        .expect("a vector takes all");
    let file = heaptrack.finish(0).expect("a vector takes all");
    let mut again = Vec::new();
    let back =
        import_as(ImportFormat::Heaptrack, file.as_slice(), &mut again).expect("our own file");
    assert_eq!(
        back.summary.live_bytes_at_end,
        imported.summary.live_bytes_at_end
    );
    assert_eq!(back.cut, None);
}
