//! Numbers as people read them.

use indicatif::{BinaryBytes, HumanCount};

/// "3.64 MiB".
pub(super) fn bytes(bytes: f64) -> String {
    match bytes.max(0.0) as u64 {
        bytes @ 0..1024 => format!("{bytes} B"),
        bytes => BinaryBytes(bytes).to_string(),
    }
}

/// A label of an axis, where numbers are round: "2 MiB", "500 ns".
pub(super) fn tick(text: &str) -> String {
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            let number = number.trim_end_matches('0').trim_end_matches('.');
            format!("{number} {unit}")
        }
        _ => text.to_owned(),
    }
}

/// "1,234".
pub(super) fn count(count: u64) -> String {
    HumanCount(count).to_string()
}

/// A time in the unit in which it has few digits: "38 ns", "1.2 ms".
pub(super) fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    if value < 10.0 && unit != "ns" {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// "83 %", and "0.4 %" of small shares.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent != 0.0 && percent.abs() < 1.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// Two ratios as a range: "62 to 66 % of", "2.4 to 2.6 times".
pub(super) fn ratios(low: f64, high: f64) -> String {
    if high < 2.0 {
        let (low, high) = (
            format!("{:.0}", low * 100.0),
            format!("{:.0}", high * 100.0),
        );
        if low == high {
            format!("{low} % of")
        } else {
            format!("{low} to {high} % of")
        }
    } else {
        let (low, high) = (format!("{low:.1}"), format!("{high:.1}"));
        if low == high {
            format!("{low} times")
        } else {
            format!("{low} to {high} times")
        }
    }
}

/// "one round", "6 rounds".
pub(super) fn rounds(rounds: u32) -> String {
    if rounds == 1 {
        "one round".to_owned()
    } else {
        format!("{rounds} rounds")
    }
}

/// What is not known is a dash.
pub(super) fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_few_digits() {
        assert_eq!(bytes(900.0), "900 B");
        assert_eq!(
            [time(38.4), time(1_240.0), time(38e6)],
            ["38 ns", "1.2 µs", "38 ms"]
        );
        assert_eq!(
            [percent(0.834), percent(0.004), percent(0.0)],
            ["83 %", "0.4 %", "0 %"]
        );
        assert_eq!(
            ["2.00 MiB", "2.50 MiB", "100 B"].map(tick),
            ["2 MiB", "2.5 MiB", "100 B"]
        );
        assert_eq!(ratios(0.62, 0.66), "62 to 66 % of");
        assert_eq!(ratios(0.62, 0.62), "62 % of");
        assert_eq!(ratios(2.4, 2.6), "2.4 to 2.6 times");
    }
}
