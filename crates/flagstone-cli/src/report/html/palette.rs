//! Colours of the plots.
//!
//! A plot is drawn once, in the colours of a light page, which stand in its elements' attributes. On a
//! dark page the style sheet exchanges them one by one: its rules win over attributes. The colours
//! of contenders are those of M. Okabe and K. Ito ("Color universal design", 2008), which people who
//! see colours differently can tell apart.

use std::fmt::Write;

use plotters::style::RGBColor;

/// A colour on a light page, and on a dark one.
type Pair = (RGBColor, RGBColor);

/// Text and marks without a contender.
const INK: Pair = (RGBColor(0x3a, 0x40, 0x48), RGBColor(0xc4, 0xca, 0xd2));

/// Lines behind a plot.
const GRID: Pair = (RGBColor(0xdd, 0xe1, 0xe6), RGBColor(0x33, 0x39, 0x42));

/// What the program itself did.
const LIVE: Pair = (RGBColor(0x8a, 0x93, 0xa0), RGBColor(0x7c, 0x86, 0x94));

/// One per contender; the ninth looks like the first.
const CONTENDERS: [Pair; 8] = [
    (RGBColor(0x00, 0x72, 0xb2), RGBColor(0x4c, 0xa9, 0xe0)),
    (RGBColor(0xd5, 0x5e, 0x00), RGBColor(0xff, 0x8c, 0x3a)),
    (RGBColor(0x00, 0x9e, 0x73), RGBColor(0x2f, 0xcf, 0xa0)),
    (RGBColor(0xc0, 0x5c, 0x98), RGBColor(0xe9, 0x93, 0xc6)),
    (RGBColor(0xb8, 0x86, 0x00), RGBColor(0xf0, 0xc0, 0x40)),
    (RGBColor(0x3a, 0x9b, 0xc8), RGBColor(0x8f, 0xd3, 0xf5)),
    (RGBColor(0x7a, 0x55, 0xc8), RGBColor(0xb7, 0x9c, 0xf0)),
    (RGBColor(0x8c, 0x5a, 0x3c), RGBColor(0xcf, 0x9c, 0x7c)),
];

pub(super) fn ink() -> RGBColor {
    INK.0
}

pub(super) fn grid() -> RGBColor {
    GRID.0
}

pub(super) fn live() -> RGBColor {
    LIVE.0
}

/// The colour of the contender that stands at this place.
pub(super) fn contender(place: usize) -> RGBColor {
    CONTENDERS[place % CONTENDERS.len()].0
}

/// The class of an element that has the colour of a contender, or of live bytes.
pub(super) fn class(place: Option<usize>) -> String {
    place.map_or_else(
        || "of-live".to_owned(),
        |place| format!("of-{}", place % CONTENDERS.len()),
    )
}

/// The rules for elements of those classes, and those that exchange colours on a dark page.
pub(super) fn style() -> String {
    let mut light = String::new();
    let mut dark = String::new();
    let contenders = CONTENDERS.iter().enumerate();
    let named = contenders.map(|(place, pair)| (class(Some(place)), pair));
    for (class, pair) in named.chain([(class(None), &LIVE)]) {
        // Writing to a string cannot fail.
        let _ = writeln!(light, ".{class}{{background:{}}}", hex(pair.0));
        let _ = writeln!(dark, ".{class}{{background:{}}}", hex(pair.1));
    }
    for pair in CONTENDERS.iter().chain([&INK, &GRID, &LIVE]) {
        let (from, to) = (hex(pair.0), hex(pair.1));
        let _ = writeln!(
            dark,
            "svg [fill=\"{from}\"]{{fill:{to}}}svg [stroke=\"{from}\"]{{stroke:{to}}}"
        );
    }
    format!("{light}@media (prefers-color-scheme:dark){{\n{dark}}}\n")
}

/// As the plots have it.
fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}
