//! Runs a program with the recorder inside and writes the traces.

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use flagstone_trace::{Ending, Header, StopReason, Writer};

use crate::error::Kind;
use crate::merge::merge_watched;
use crate::outputs::{LoadableRecorder, Outputs};
use crate::signals::SignalGuard;
use crate::spool::{Control, DEPTH_LIMIT, FIRST_SEGMENT};
use crate::spool::{SPOOL_VARIABLE, Spool, processes};
use crate::{
    ChildPolicy, ProcessReport, Progress, RecordCommand, RecordError, RecordReport, program,
};

/// Records a program: runs it with the caller's standard streams, waits for it to end, and writes
/// its trace and those of its children.
///
/// Everything that can be checked is checked before the program runs. Traces appear under their
/// names when all are complete; after an error none does. A program that fails or is killed by a
/// signal is no error: what it did until then is recorded. Signals from the terminal go to the
/// program while it runs; after that they interrupt the writing.
///
/// # Errors
///
/// The program is not found or cannot be recorded, the output cannot be written, the recorder was
/// not loaded, or the writing was interrupted.
pub fn record(
    command: &RecordCommand,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<RecordReport, RecordError> {
    let program = program::find(&command.program)?;
    let control = control(command)?;
    let mut outputs = Outputs::at(&command.output)?;
    control
        .write(outputs.spool())
        .map_err(RecordError::output(&command.output))?;
    let recorder = LoadableRecorder::new()?;
    let could_not_start = |error| RecordError::from(Kind::Start(program.clone(), error));
    let signals = SignalGuard::new().map_err(could_not_start)?;

    let mut child = Command::new(&command.program)
        .args(&command.args)
        .env("LD_PRELOAD", recorder.preload())
        .env(SPOOL_VARIABLE, outputs.spool())
        .spawn()
        .map_err(could_not_start)?;
    signals.program_started(&child);
    let pid = child.id();
    progress(Progress::Started { pid });
    let status = child.wait().map_err(could_not_start)?;
    signals.program_ended();
    progress(Progress::Ended { status });

    let (main, others, left_out) = split(processes(outputs.spool())?, pid);
    let main = main.ok_or_else(|| RecordError::from(Kind::NothingRecorded(program.clone())))?;
    // Also without children there are others: images that the program replaced.
    let (others, left_out) = match command.children {
        ChildPolicy::Keep => (others, left_out),
        ChildPolicy::Ignore => (Vec::new(), 0),
    };
    let mut merging = Merging::new(&mut outputs, &signals, progress, &main, &others);
    let mut report = merging.all(status, &main, &others)?;
    report.left_out = left_out;
    outputs.publish()?;
    Ok(report)
}

/// What the recorders are told.
fn control(command: &RecordCommand) -> Result<Control, RecordError> {
    let depth = command.stack_depth as usize;
    if depth > DEPTH_LIMIT {
        return Err(Kind::TooDeep(depth).into());
    }
    if depth > 0 && !call_sites_are_known_here() {
        return Err(Kind::NoCallSites.into());
    }
    if (1..FIRST_SEGMENT).contains(&command.max_bytes) {
        return Err(Kind::SmallLimit(command.max_bytes).into());
    }
    Ok(Control {
        sample_bytes: command.sample_bytes,
        stack_depth: command.stack_depth,
        max_bytes: command.max_bytes,
        parent_pid: match command.children {
            ChildPolicy::Keep => 0,
            ChildPolicy::Ignore => std::process::id(),
        },
    })
}

/// Whether the C library can tell which module an address is in. The recorded program uses the
/// same C library as this one.
#[expect(unsafe_code, reason = "asks the loader for a function by its name")]
fn call_sites_are_known_here() -> bool {
    // SAFETY: the name is a C string, and the answer is only compared.
    !unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) }.is_null()
}

/// The last image of process `pid`, all other images that recorded something, and how many could
/// not because the limit was reached.
fn split(mut spools: Vec<Spool>, pid: u32) -> (Option<Spool>, Vec<Spool>, usize) {
    let main = spools.iter().rposition(|spool| spool.pid() == pid);
    let main = main.map(|index| spools.remove(index));
    let all = spools.len();
    spools.retain(|spool| spool.record_bytes() > 0 || spool.stopped().is_none());
    let left_out = all - spools.len();
    spools.retain(|spool| spool.record_bytes() > 0);
    (main, spools, left_out)
}

/// The way from spools to traces.
struct Merging<'a> {
    outputs: &'a mut Outputs,
    signals: &'a SignalGuard,
    progress: &'a mut dyn FnMut(Progress<'_>),
    done: u64,
    total: u64,
}

impl<'a> Merging<'a> {
    fn new(
        outputs: &'a mut Outputs,
        signals: &'a SignalGuard,
        progress: &'a mut dyn FnMut(Progress<'_>),
        main: &Spool,
        others: &[Spool],
    ) -> Self {
        let total = others.iter().chain([main]).map(Spool::record_bytes).sum();
        Self {
            outputs,
            signals,
            progress,
            done: 0,
            total,
        }
    }

    fn all(
        &mut self,
        status: ExitStatus,
        main: &Spool,
        others: &[Spool],
    ) -> Result<RecordReport, RecordError> {
        // A process that replaced its image has several traces under one process id.
        let mut images = HashMap::new();
        let main = self.one(main, None, ending(status))?;
        let mut children = Vec::new();
        for spool in others {
            let image = images
                .entry(spool.pid())
                .and_modify(|n| *n += 1)
                .or_insert(1);
            let mark = match *image {
                1 => spool.pid().to_string(),
                more => format!("{}-{more}", spool.pid()),
            };
            children.push(self.one(spool, Some(&mark), Ending::Unknown)?);
        }
        Ok(RecordReport {
            status,
            main,
            children,
            left_out: 0,
        })
    }

    fn one(
        &mut self,
        spool: &Spool,
        mark: Option<&str>,
        ending: Ending,
    ) -> Result<ProcessReport, RecordError> {
        let path = self.outputs.path(mark);
        let still_running = mark.is_some() && is_running(spool.pid());
        let header = header(spool);
        let program = header.program.clone();
        let mut file = self.outputs.create()?;
        let mut writer = Writer::new(&mut file, header)?;
        let merged = merge_watched(spool, &mut writer, &mut |done| {
            let done = self.done + done;
            (self.progress)(Progress::Merging {
                program: &program,
                done,
                total: self.total,
            });
            if self.signals.interrupted() {
                Err(Kind::Interrupted.into())
            } else {
                Ok(())
            }
        })?;
        let mut summary = merged.summary;
        summary.ending = ending;
        if still_running {
            summary.complete = false;
            summary.stopped = summary.stopped.or(Some(StopReason::StillRunning));
        }
        writer.finish(summary)?;
        self.done += spool.record_bytes();
        self.outputs.add(file, path.clone());
        Ok(ProcessReport {
            path,
            program,
            pid: spool.pid(),
            parent_pid: spool.parent_pid(),
            summary,
            inferred_frees: merged.inferred_frees,
            stopped: spool.stopped(),
            still_running,
        })
    }
}

/// What a trace says of how its program ended.
fn ending(status: ExitStatus) -> Ending {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Status(code as u8),
        (None, Some(signal)) => Ending::Signal(signal as u8),
        (None, None) => Ending::Unknown,
    }
}

fn header(spool: &Spool) -> Header {
    let (program, args) = match spool.command() {
        [program, args @ ..] => (program.clone(), args.to_vec()),
        [] => (String::from("unknown"), Vec::new()),
    };
    Header {
        program,
        args,
        recorded_unix_s: spool.start_unix_s(),
        pid: spool.pid(),
        parent_pid: spool.parent_pid(),
        sampling: spool.sampling(),
        stack_depth: spool.stack_depth(),
        ..Header::default()
    }
}

/// Whether a process of this number exists. One that has taken the number since then counts as
/// running; the trace is called incomplete without need then.
fn is_running(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}
