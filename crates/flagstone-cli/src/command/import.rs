//! `flagstone import`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use flagstone_trace::Origin;
use flagstone_trace::import::{ImportFormat, Imported, import, import_as};
use indicatif::{HumanBytes, HumanCount};

use crate::args::{ImportArgs, ImportFrom};
use crate::{Failure, Source, fitness, output, whole_file};

/// Writes the trace; what could not be imported is returned.
pub(super) fn import_file(args: ImportArgs) -> Result<Option<Failure>, Failure> {
    let ImportArgs {
        file,
        output,
        format,
    } = args;
    let about = |error| Failure::about(file.display(), error);
    let metadata = std::fs::metadata(&file).map_err(about)?;
    if metadata.is_dir() {
        return Err(Failure::about(
            file.display(),
            "this is a folder; give a file",
        ));
    }
    let output = output.unwrap_or_else(|| name_for(&file));
    let from = BufReader::new(File::open(&file).map_err(about)?);
    let Imported { summary, cut } = whole_file::write(&output, |to| {
        let imported = match format {
            None => import(from, to),
            Some(ImportFrom::Heaptrack) => import_as(ImportFormat::Heaptrack, from, to),
            Some(ImportFrom::Dhat) => import_as(ImportFormat::Dhat, from, to),
        };
        imported.map_err(|error| Failure::about(file.display(), error))
    })?;
    let header = Source::File(output.clone()).open()?.header().clone();
    output::note(&format!(
        "flagstone: {}: {} events of {}, at most {} live\n",
        output.display(),
        HumanCount(summary.events),
        header.program,
        HumanBytes(summary.peak_live_bytes),
    ));
    if let Some(caveat) = fitness::caveat(header.origin) {
        output::note(&format!("flagstone: {}: {caveat}\n", output.display()));
    }
    debug_assert_ne!(header.origin, Origin::Recorded);
    let partial = format!(
        "; only the {} events before that are imported",
        summary.events
    );
    Ok(cut.map(|why| Failure::about(file.display(), why + &partial)))
}

/// `heaptrack.git.123.zst` becomes `heaptrack.git.123.flagtrace`, in the current folder.
fn name_for(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or(file.as_os_str());
    let known = ["zst", "gz", "json"];
    let name = Path::new(name);
    let stem = match name.extension() {
        Some(extension) if known.iter().any(|known| extension == *known) => name.file_stem(),
        _ => Some(name.as_os_str()),
    };
    let mut name = stem.unwrap_or(name.as_os_str()).to_owned();
    name.push(".flagtrace");
    name.into()
}
