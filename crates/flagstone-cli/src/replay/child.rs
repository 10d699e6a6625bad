//! One replay in a process of its own.
//!
//! Resident memory belongs to a process, and an allocator's caches to the replays before it, so
//! each replay gets a fresh process: the command starts itself with the hidden `replay-once`. The
//! survey goes in through standard input as one line of JSON, followed by the levels of all
//! allocations if the contender wants to know lifetimes; the verdict comes out as one line of JSON.

use std::env;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::{Command, ExitStatus, Stdio};

use serde::{Deserialize, Serialize};

use super::contender::{Contender, perform};
use super::fault::Fault;
use super::measured::Measured;
use super::phases::Levels;
use super::purpose::Purpose;
use super::stage::{Stage, Stopped};
use super::survey::Survey;
use crate::{Failure, Source};

/// Name of the hidden subcommand that a child process runs.
pub const SUBCOMMAND: &str = "replay-once";

/// What a child process answers.
#[derive(Debug, Serialize, Deserialize)]
enum Verdict {
    Measured(Measured),
    Fault(Fault),
    Failure(String),
}

/// Replays `source` once with `contender` in a new process.
///
/// # Errors
///
/// If the process cannot be started or dies, the contender breaks a promise, or the trace can no
/// longer be read.
pub fn replay_once(
    contender: &dyn Contender,
    source: &Source,
    survey: &Survey,
    purpose: Purpose,
) -> Result<Measured, Failure> {
    let name = contender.name();
    let blame = |what: &str| Failure::new(format!("{source}: contender {name} {what}"));
    let (status, answer) = ask(contender, source, survey, purpose)
        .map_err(|error| Failure::about("a process for the replay cannot be started", error))?;
    match serde_json::from_slice(&answer) {
        Ok(Verdict::Measured(measured)) => Ok(measured),
        Ok(Verdict::Fault(fault)) => Err(blame(&fault.to_string())),
        Ok(Verdict::Failure(sentence)) => Err(Failure::new(sentence)),
        Err(_) => Err(blame(&format!(
            "ended the replay's process early ({status})"
        ))),
    }
}

fn ask(
    contender: &dyn Contender,
    source: &Source,
    survey: &Survey,
    purpose: Purpose,
) -> io::Result<(ExitStatus, Vec<u8>)> {
    let mut child = Command::new(env::current_exe()?)
        .args([SUBCOMMAND, "--contender", contender.name()])
        .args(["--purpose", purpose.name()])
        .args(source.to_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(stdin) = child.stdin.take() {
        // A child that died early is reported by its status, not by the pipe it broke.
        let _ = send(contender, survey, BufWriter::new(stdin));
    }
    let output = child.wait_with_output()?;
    Ok((output.status, output.stdout))
}

fn send(contender: &dyn Contender, survey: &Survey, mut to: impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, survey)?;
    to.write_all(b"\n")?;
    if contender.wants_lifetimes() {
        survey.levels.send(&mut to)?;
    }
    to.flush()
}

/// The child's side: reads the survey, replays and prints the verdict.
///
/// # Errors
///
/// If standard input holds no survey or standard output is closed.
pub fn answer(contender: &dyn Contender, source: &Source, purpose: Purpose) -> Result<(), Failure> {
    let unreadable = |error| Failure::about("the survey cannot be read", error);
    let (mut input, mut line) = (io::stdin().lock(), Vec::new());
    input.read_until(b'\n', &mut line).map_err(unreadable)?;
    let mut survey: Survey = serde_json::from_slice(&line)
        .map_err(|error| Failure::about("standard input holds no survey", error))?;
    survey.levels = Levels::receive(&mut input).map_err(unreadable)?;
    let verdict = match perform(contender, Stage::for_purpose(source, &survey, purpose)) {
        Ok(measured) => Verdict::Measured(measured),
        Err(Stopped::Fault(fault)) => Verdict::Fault(fault),
        Err(Stopped::Failure(failure)) => Verdict::Failure(failure.to_string()),
    };
    let line = serde_json::to_string(&verdict)
        .map_err(|error| Failure::about("the verdict cannot be written", error))?;
    crate::output::print(&format!("{line}\n"))
}
