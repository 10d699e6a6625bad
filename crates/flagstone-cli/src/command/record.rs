//! `flagstone record`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use flagstone_record::{
    ChildPolicy, ProcessReport, Progress, RecordCommand, RecordReport, Stopped,
};
use indicatif::{HumanBytes, HumanCount, ProgressBar};

use crate::args::{RecordArgs, Size};
use crate::{Failure, output, progress};

pub(super) fn record(args: RecordArgs) -> Result<(), Failure> {
    let RecordArgs {
        output,
        no_children,
        sample,
        max_bytes,
        stacks,
        program,
    } = args;
    let (program, args) = program
        .split_first()
        .ok_or_else(|| Failure::new("no program was given: name one after `--`"))?;
    let output = output.unwrap_or_else(|| free_name(program));
    let children = if no_children {
        ChildPolicy::Ignore
    } else {
        ChildPolicy::Keep
    };
    let command = RecordCommand::new(program)
        .args(args)
        .output(output)
        .children(children)
        .sample(sample.map_or(0, Size::bytes))
        .max_bytes(max_bytes.map_or(0, Size::bytes))
        .stacks(stacks.unwrap_or(0));
    let mut bar = None;
    let report = flagstone_record::record(&command, &mut |progress| show(progress, &mut bar));
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let report = report.map_err(|error| Failure::new(error.to_string()))?;
    output::note(&describe(&report));
    Ok(())
}

/// A name in the current folder that no file has: an older recording is not replaced unless it is
/// named.
fn free_name(program: &OsStr) -> PathBuf {
    let name = Path::new(program).file_name().unwrap_or(program).display();
    let first = PathBuf::from(format!("{name}.flagtrace"));
    let others = (2_u32..).map(|n| PathBuf::from(format!("{name}.{n}.flagtrace")));
    [first]
        .into_iter()
        .chain(others)
        .find(|path| !path.exists())
        .unwrap_or_default()
}

fn show(progress: Progress<'_>, bar: &mut Option<ProgressBar>) {
    if let Progress::Merging { done, total, .. } = progress {
        let bar = bar.get_or_insert_with(|| progress::bar(total, "writing the trace"));
        bar.set_length(total);
        bar.set_position(done);
    }
}

/// How the program ended, and a line per trace.
fn describe(report: &RecordReport) -> String {
    let mut text = format!(
        "flagstone: {} {}\n",
        report.main.program,
        ending(report.status)
    );
    for process in [&report.main].into_iter().chain(&report.children) {
        text += &format!("flagstone: {}\n", line(process));
    }
    if report.left_out > 0 {
        let processes = HumanCount(report.left_out as u64);
        text += &format!("flagstone: --max-bytes left out {processes} more processes\n");
    }
    text
}

/// "ended with status 0" or what else happened to it.
fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with status {code}"),
        // The status says which signal, as in "signal: 9 (SIGKILL)".
        None => format!("was ended by {status}"),
    }
}

/// What was recorded of one process, and what is missing.
fn line(process: &ProcessReport) -> String {
    let ProcessReport {
        path,
        program,
        pid,
        summary,
        stopped,
        still_running,
        ..
    } = process;
    let mut line = format!(
        "{}: {} events of {program} (process {pid}), at most {} live",
        path.display(),
        HumanCount(summary.events),
        HumanBytes(summary.peak_live_bytes),
    );
    match stopped {
        None => {}
        Some(Stopped::Limit) => {
            line += "; recording stopped at --max-bytes, before the program ended";
        }
        Some(Stopped::Failure(error)) => {
            line += &format!("; recording stopped before the program ended: {error}");
        }
    }
    if *still_running {
        line += "; the process is still running and what it does from now on is not recorded";
    }
    line
}
