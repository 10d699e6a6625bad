//! Promise: exports add up to the trace's own totals.

use flagstone_trace::export::{ChromeCounters, Folded, OwnNames, Pprof, Value};
use flate2::read::GzDecoder;
use serde_json::Value as Json;

use crate::view::{View, imported};
use crate::{heaptrack, traces};

fn folded(view: &View, value: Value) -> Vec<(String, u64)> {
    let mut out = Vec::new();
    let stats = view.site_stats();
    Folded::of(&stats, &view.sites, value, &mut OwnNames)
        .write(&mut out)
        .unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines = text.lines().map(|line| line.rsplit_once(' ').unwrap());
    lines
        .map(|(stack, number)| (stack.to_owned(), number.parse().unwrap()))
        .collect()
}

#[test]
fn folded_stacks() {
    let view = imported(heaptrack::FILE).unwrap().0;
    let total = view.site_stats().total();
    for (value, expected) in [
        (Value::Allocated, total.allocated_bytes),
        (Value::Objects, total.allocated_objects),
        (Value::Peak, view.stats.peak_live_bytes() as f64),
        (Value::Live, 64.0),
    ] {
        let lines = folded(&view, value);
        assert_eq!(
            lines.iter().map(|line| line.1 as f64).sum::<f64>(),
            expected
        );
    }
    let lines = folded(&view, Value::Allocated);
    let churn = lines
        .iter()
        .find(|line| line.0.ends_with("main;churn;leaf"));
    assert_eq!(churn.map(|line| line.1), Some(2000));
}

#[test]
fn chrome_counters() {
    let view = View::of(&traces::written(&traces::sample(60_000)));
    let mut counters = ChromeCounters::new(&view.header);
    view.events
        .iter()
        .for_each(|(event, _)| counters.push(event));
    let mut out = Vec::new();
    counters.write(&view.header, &mut out).unwrap();
    let json: Json = serde_json::from_slice(&out).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let of = |counter: &'static str| events.iter().filter(move |event| event["name"] == counter);
    let bytes: Vec<_> = of("live bytes")
        .map(|event| event["args"]["bytes"].as_f64().unwrap())
        .collect();
    // The peak is there however few points are kept.
    let peak = bytes.iter().copied().fold(0.0, f64::max);
    assert_eq!(peak, view.stats.peak_live_bytes() as f64);
    assert!((1000..10_000).contains(&bytes.len()), "{}", bytes.len());
    let times: Vec<_> = of("live bytes")
        .map(|event| event["ts"].as_f64().unwrap())
        .collect();
    assert!(times.is_sorted());
    let objects = of("live objects").map(|event| event["args"]["objects"].as_f64().unwrap());
    assert!(objects.fold(0.0, f64::max) <= view.stats.peak_live_objects() as f64);
}

/// The fields of a protocol buffer message: number, and a value or bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    fn number(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            shift += 7;
            if *first < 0x80 {
                return value;
            }
        }
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes);
        let value = number(&mut bytes);
        let body = if key & 7 == 2 {
            let (body, rest) = bytes.split_at(value as usize);
            bytes = rest;
            body
        } else {
            assert_eq!(key & 7, 0);
            &[]
        };
        fields.push((key >> 3, value, body));
    }
    fields
}

#[test]
fn a_pprof_profile_has_every_stack() {
    let view = imported(heaptrack::FILE).unwrap().0;
    let stats = view.site_stats();
    let mut out = Vec::new();
    Pprof::of(&view.header, 5, &stats, &view.sites, &mut OwnNames)
        .write(&mut out)
        .unwrap();
    let mut bytes = Vec::new();
    std::io::copy(&mut GzDecoder::new(out.as_slice()), &mut bytes).unwrap();
    let fields = fields(&bytes);
    let count = |field| fields.iter().filter(|other| other.0 == field).count();
    assert_eq!((count(1), count(2)), (6, stats.rows().count()));
    let strings: Vec<_> = fields
        .iter()
        .filter(|field| field.0 == 6)
        .map(|field| field.2)
        .collect();
    assert_eq!(strings[0], b"");
    for name in ["alloc_space", "peak_space", "inuse_space", "leaf", "churn"] {
        assert!(strings.contains(&name.as_bytes()), "{name}");
    }
}
