//! Promise: with call sites, each allocation and reallocation has the return addresses of its call, in
//! order, however the program was compiled and however it ends.

use std::collections::{HashMap, HashSet};

use flagstone_record::{ProcessReport, record};
use flagstone_trace::{EventKind, Reader, Sites};
use object::{Object, ObjectSymbol};

use crate::programs::{Lab, Trace};

/// An allocation's size and the functions that it was called from, innermost first, as far as they
/// are the program's own.
type Call = (u64, Vec<String>);

/// The calls of a trace, by the symbols of the program's file.
fn calls(process: &ProcessReport, lab: &Lab) -> Vec<Call> {
    let bytes = std::fs::read(lab.program()).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let mut symbols: Vec<_> = file
        .symbols()
        .filter(|symbol| symbol.size() > 0)
        .map(|symbol| {
            (
                symbol.address(),
                symbol.size(),
                symbol.name().unwrap().to_owned(),
            )
        })
        .collect();
    symbols.sort();
    let name = |sites: &Sites, address: u64| {
        let module = sites.module_of(address)?;
        (module.path == lab.program().to_str().unwrap()).then_some(())?;
        let at = address - module.bias - 1;
        let (_, _, name) = symbols
            .iter()
            .find(|(start, size, _)| (*start..start + size).contains(&at))?;
        Some(name.clone())
    };
    let mut reader = Reader::open(&process.path).unwrap();
    let (mut block, mut calls) = (Vec::new(), Vec::new());
    while reader.next_block(&mut block).unwrap() {
        for (index, event) in block.iter().enumerate() {
            let (EventKind::Alloc { size, .. } | EventKind::Realloc { size, .. }) = event.kind
            else {
                continue;
            };
            let frames = reader.sites().frames(reader.stack(index));
            calls.push((
                size,
                frames.filter_map(|a| name(reader.sites(), a)).collect(),
            ));
        }
    }
    calls
}

/// The calls of one size, each once.
fn of_size(calls: &[Call], size: u64) -> HashSet<Vec<&str>> {
    let calls = calls.iter().filter(|call| call.0 == size);
    calls
        .map(|call| call.1.iter().map(String::as_str).collect())
        .collect()
}

fn recorded(flags: &[&str], how: &str, depth: u32) -> (Lab, Vec<Call>) {
    let lab = Lab::new("stacks", flags);
    let report = record(&lab.command(&[how]).stacks(depth), &mut |_| {}).unwrap();
    assert!(report.status.success(), "{}", report.status);
    let trace = Trace::of(&report.main);
    assert!(trace.summary.complete);
    let calls = calls(&report.main, &lab);
    (lab, calls)
}

fn check(calls: &[Call]) {
    let direct = HashSet::from([vec!["inner", "middle", "outer", "main", "_start"]]);
    assert_eq!(of_size(calls, 7001), direct);
    // The same function from elsewhere, an aligned frame, a variable frame, and a reallocation.
    assert_eq!(
        of_size(calls, 7002),
        HashSet::from([vec!["inner", "main", "_start"]])
    );
    assert_eq!(
        of_size(calls, 7003),
        HashSet::from([vec!["inner", "aligned", "main", "_start"]])
    );
    assert_eq!(
        of_size(calls, 7004),
        HashSet::from([vec!["inner", "variable", "main", "_start"]])
    );
    assert_eq!(
        of_size(calls, 7005),
        HashSet::from([vec!["grows", "main", "_start"]])
    );
    assert_eq!(
        of_size(calls, 7006),
        HashSet::from([vec!["inner", "in_thread"]])
    );
}

#[test]
fn without_frame_pointers() {
    let (_lab, calls) = recorded(&["-fomit-frame-pointer"], "all", 64);
    check(&calls);
}

#[test]
fn with_frame_pointers_and_without_optimisation() {
    let (_lab, calls) = recorded(&["-fno-omit-frame-pointer", "-O0"], "all", 64);
    check(&calls);
}

#[test]
fn without_position_independence() {
    let (_lab, calls) = recorded(&["-no-pie", "-fno-pie", "-O2"], "all", 64);
    check(&calls);
}

#[test]
fn deep_recursion_is_cut_at_the_depth() {
    let (_lab, calls) = recorded(&[], "deep", 8);
    let deepest = of_size(&calls, 7100);
    let full: Vec<_> = std::iter::once("inner").chain(["deep"; 7]).collect();
    assert!(deepest.contains(&full), "{deepest:?}");
}

#[test]
fn a_function_without_description_ends_the_stack_and_harms_nothing() {
    let (_lab, calls) = recorded(
        &["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"],
        "all",
        64,
    );
    for call in of_size(&calls, 7001) {
        assert!(call.len() <= 1, "{call:?}");
    }
}

#[test]
fn stacks_of_the_programs_own_making_are_followed_or_cut() {
    let (_lab, calls) = recorded(&[], "context", 64);
    for call in of_size(&calls, 7200) {
        assert_eq!(call[..2], ["inner", "in_context"]);
    }
    assert_eq!(calls.iter().filter(|call| call.0 == 7200).count(), 5000);
}

#[test]
fn a_thread_with_the_smallest_stack_is_recorded() {
    let (_lab, calls) = recorded(&[], "small", 64);
    let expected = vec!["inner", "in_small_thread"];
    assert_eq!(of_size(&calls, 7400), HashSet::from([expected]));
}

#[test]
fn a_signal_handler_on_a_stack_of_its_own_does_no_harm() {
    let (_lab, calls) = recorded(&[], "handler", 64);
    let handled = of_size(&calls, 7500);
    assert!(
        handled.iter().all(|call| call[..2] == ["inner", "handler"]),
        "{handled:?}"
    );
    assert_eq!(calls.iter().filter(|call| call.0 == 7500).count(), 100);
}

#[test]
fn a_killed_program_has_the_stack_of_every_event() {
    let lab = Lab::new("stacks", &[]);
    let report = record(&lab.command(&["kill"]).stacks(16), &mut |_| {}).unwrap();
    let calls = calls(&report.main, &lab);
    let mut seen = HashMap::new();
    for (_, functions) in calls.iter().filter(|call| (7300..7400).contains(&call.0)) {
        assert_eq!(functions.first().map(String::as_str), Some("inner"));
        *seen.entry(functions.clone()).or_insert(0) += 1;
    }
    assert!(!seen.is_empty());
}

#[test]
fn forked_children_have_call_sites_of_their_own() {
    let lab = Lab::new("stacks", &[]);
    let report = record(&lab.command(&["fork"]).stacks(16), &mut |_| {}).unwrap();
    assert_eq!(report.children.len(), 1);
    let calls = calls(&report.children[0], &lab);
    assert_eq!(
        of_size(&calls, 7002),
        HashSet::from([vec!["inner", "main", "_start"]])
    );
}

#[test]
fn a_sample_has_call_sites_too() {
    let lab = Lab::new("stacks", &[]);
    let report = record(
        &lab.command(&["kill"]).stacks(16).sample(100_000),
        &mut |_| {},
    )
    .unwrap();
    let calls = calls(&report.main, &lab);
    let found = calls
        .iter()
        .filter(|call| (7300..7400).contains(&call.0))
        .count();
    assert!((1..30_000).contains(&found));
    assert!(
        calls
            .iter()
            .all(|(size, functions)| !(7300..7400).contains(size) || functions[0] == "inner")
    );
}
