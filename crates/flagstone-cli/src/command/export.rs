//! `flagstone export`.

use std::io::{self, BufWriter, Write};

use flagstone_trace::export::{ChromeCounters, Folded, HeaptrackWriter, Pprof, Value};
use flate2::{Compression, write::GzEncoder};

use crate::args::{ExportArgs, ExportTo, ExportValue};
use crate::symbols::ModuleSymbols;
use crate::totals::{Totals, each_event};
use crate::{Failure, Source, progress, whole_file};

/// Writes the file; what of the trace it does not hold is returned.
pub(super) fn export(args: ExportArgs) -> Result<Option<Failure>, Failure> {
    let source = Source::File(args.trace);
    if args.value.is_some() && args.to != ExportTo::Folded {
        let only = "--value chooses the one number of a folded stack: other formats have them all";
        return Err(Failure::new(only));
    }
    let spinner = progress::spinner(format!("{source}: reading"));
    let cut = whole_file::write(&args.output, |to| {
        let progress = &mut |events| spinner.set_position(events);
        match args.to {
            ExportTo::Pprof => by_stack(&source, progress, |totals| pprof(totals, to)),
            ExportTo::Folded => {
                let value = value(args.value.unwrap_or_default());
                by_stack(&source, progress, |totals| folded(totals, value, to))
            }
            ExportTo::Chrome => chrome(&source, progress, to),
            // Heaptrack's viewers go by the name.
            ExportTo::Heaptrack if args.output.extension().is_some_and(|name| name == "gz") => {
                // The compressor is slow with a line at a time.
                let compressed = GzEncoder::new(to, Compression::fast());
                let mut buffered = BufWriter::with_capacity(1 << 16, compressed);
                let cut = heaptrack(&source, progress, &mut buffered)?;
                let compressed = buffered
                    .into_inner()
                    .map_err(|error| unwritten(error.into_error()))?;
                compressed.finish().map_err(unwritten)?;
                Ok(cut)
            }
            ExportTo::Heaptrack => heaptrack(&source, progress, to),
        }
    });
    spinner.finish_and_clear();
    let partial = |why| format!("{why}; only the events before that are exported");
    Ok(cut?.map(|why| Failure::about(&source, partial(why))))
}

fn value(value: ExportValue) -> Value {
    match value {
        ExportValue::Allocated => Value::Allocated,
        ExportValue::Objects => Value::Objects,
        ExportValue::Peak => Value::Peak,
        ExportValue::Live => Value::Live,
    }
}

fn unwritten(error: io::Error) -> Failure {
    Failure::about("the export cannot be written", error)
}

/// For formats that show nothing but call sites.
fn by_stack(
    source: &Source,
    progress: &mut dyn FnMut(u64),
    write: impl FnOnce(&Totals) -> io::Result<()>,
) -> Result<Option<String>, Failure> {
    let totals = Totals::of(source, progress)?;
    if totals.sites.stacks() == 0 {
        let missing = "the trace has no call sites to show: record it with --stacks";
        return Err(Failure::about(source, missing));
    }
    write(&totals).map_err(unwritten)?;
    Ok(totals.cut)
}

fn pprof(totals: &Totals, to: &mut dyn Write) -> io::Result<()> {
    let Totals {
        header,
        stats,
        sites,
        duration_ns,
        ..
    } = totals;
    Pprof::of(
        header,
        *duration_ns,
        stats,
        sites,
        &mut ModuleSymbols::default(),
    )
    .write(to)
}

fn folded(totals: &Totals, value: Value, to: &mut dyn Write) -> io::Result<()> {
    Folded::of(
        &totals.stats,
        &totals.sites,
        value,
        &mut ModuleSymbols::default(),
    )
    .write(to)
}

fn chrome(
    source: &Source,
    progress: &mut dyn FnMut(u64),
    to: &mut dyn Write,
) -> Result<Option<String>, Failure> {
    let mut reader = source.open()?;
    let header = reader.header().clone();
    let mut counters = ChromeCounters::new(&header);
    let cut = each_event(source, &mut reader, progress, |event, _, _| {
        counters.push(event);
        Ok(())
    })?;
    counters.write(&header, to).map_err(unwritten)?;
    Ok(cut)
}

fn heaptrack(
    source: &Source,
    progress: &mut dyn FnMut(u64),
    to: &mut dyn Write,
) -> Result<Option<String>, Failure> {
    let mut reader = source.open()?;
    let header = reader.header().clone();
    if header.sampling.is_some() {
        let sample = "heaptrack files hold every event, and this trace is a sample: export it to \
                      pprof, folded or chrome, which hold estimates";
        return Err(Failure::about(source, sample));
    }
    let mut symbols = ModuleSymbols::default();
    let mut file = HeaptrackWriter::new(to, &header).map_err(unwritten)?;
    let mut duration_ns = 0;
    let cut = each_event(source, &mut reader, progress, |event, stack, sites| {
        duration_ns = duration_ns.max(event.time_ns);
        file.push(event, stack, sites, &mut symbols)
            .map_err(unwritten)
    })?;
    file.finish(duration_ns).map_err(unwritten)?;
    Ok(cut)
}
