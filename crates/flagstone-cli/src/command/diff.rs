//! `flagstone diff`.

use std::fs;
use std::path::Path;

use crate::args::DiffArgs;
use crate::report::{Diff, Document};
use crate::{Failure, output};

pub(super) fn diff(args: DiffArgs) -> Result<(), Failure> {
    let diff = Diff::of(&read(&args.earlier)?, &read(&args.later)?);
    if diff.rows.is_empty() {
        return Err(Failure::new(format!(
            "{} and {} have no trace with a contender in common",
            args.earlier.display(),
            args.later.display()
        )));
    }
    if args.json {
        let json = serde_json::to_string(&diff)
            .map_err(|error| Failure::about("the changes cannot be stored", error))?;
        return output::print(&format!("{json}\n"));
    }
    output::print(&diff.to_string())
}

fn read(path: &Path) -> Result<Document, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::about(path.display(), error))?;
    Document::parse(&text).map_err(|error| Failure::about(path.display(), error))
}
