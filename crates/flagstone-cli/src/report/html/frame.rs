//! Axes, and a plot between them.
//!
//! Plots are drawn by `plotters`: it is maintained, has a backend that writes SVG and needs neither a
//! script in the page nor a font, an image library or a C library at build time (all of those are
//! features that stay off). Rejected: `charming`, whose plots are a megabyte of script that runs in
//! the reader's browser; `poloto`, which has neither areas beside lines nor ticks of our choice.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;

use super::escape::Escaped;
use super::palette;
use crate::Failure;

/// Pixels of every plot. They are shown in the width that there is, so that this is a proportion
/// and what letters are large against.
const SIZE: (u32, u32) = (560, 330);

/// Height of letters.
const LETTERS: u32 = 21;

/// One direction of a plot.
pub(super) struct Axis {
    pub(super) from: f64,
    pub(super) to: f64,
    /// Where it is labelled.
    pub(super) ticks: Vec<f64>,
    pub(super) label: Box<dyn Fn(f64) -> String>,
}

impl Axis {
    /// From 0 to a little more than `most`, labelled at round numbers of `base` units: 1,000 for
    /// times and counts, 1,024 for bytes.
    pub(super) fn up_to(most: f64, base: f64, label: impl Fn(f64) -> String + 'static) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let step = step(most / 5.0, base);
        let ticks = (0..=5).map(|number| f64::from(number) * step);
        Self {
            from: 0.0,
            to: most * 1.04,
            ticks: ticks.filter(|tick| *tick <= most * 1.04).collect(),
            label: Box::new(label),
        }
    }
}

/// The least round number that is at least `least`: 1, 2, 5, 10, … of a unit that is a power of
/// 1,000, or 1, 2, 4, 8, … of one that is a power of 1,024.
fn step(least: f64, base: f64) -> f64 {
    const TENS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
    const TWOS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
    let unit = base.powf(least.max(f64::MIN_POSITIVE).log(base).floor());
    let digits = if base == 1024.0 { TWOS } else { TENS };
    let next = if base == 1024.0 { 512.0 } else { base };
    let digits = digits.into_iter().chain([next, base]);
    let mut steps = digits.map(|digits| digits * unit);
    steps.find(|step| *step >= least).unwrap_or(base * unit)
}

/// What a plot is drawn on.
pub(super) type Sheet<'s, 'b> = ChartContext<'b, SVGBackend<'s>, Cartesian2d<Scale, Scale>>;

/// An axis as the plots' library wants it.
#[derive(Clone)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    ticks: Vec<f64>,
}

impl Scale {
    fn of(axis: &Axis) -> Self {
        Self {
            from: axis.from,
            to: axis.to,
            ticks: axis.ticks.clone(),
        }
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.from) / (self.to - self.from);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    /// The ticks, whatever the library would choose.
    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

/// Draws axes and what `draw` draws between them: an SVG element for a page. `alt` says what is
/// to be seen, for those who cannot.
pub(super) fn framed(
    alt: &str,
    x: &Axis,
    y: &Axis,
    draw: impl FnOnce(&mut Sheet<'_, '_>) -> Drawn,
) -> Result<String, Failure> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw_on(&root, x, y, draw)
            .and_then(|()| Ok(root.present()?))
            .map_err(|error| Failure::about("a plot cannot be drawn", error))?;
    }
    let Some((_, shapes)) = svg
        .split_once("<svg")
        .and_then(|(_, svg)| svg.split_once('>'))
    else {
        return Err(Failure::new("a plot cannot be drawn: it has no start"));
    };
    let (width, height) = SIZE;
    Ok(format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">{shapes}",
        Escaped(alt)
    ))
}

/// What drawing answers.
pub(super) type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_on<'s>(
    root: &DrawingArea<SVGBackend<'s>, Shift>,
    x: &Axis,
    y: &Axis,
    draw: impl FnOnce(&mut Sheet<'s, '_>) -> Drawn,
) -> Drawn {
    let widest = y.ticks.iter().map(|tick| (y.label)(*tick).chars().count());
    let left = widest.max().unwrap_or(0) as u32 * LETTERS / 2 + 12;
    let mut sheet = ChartBuilder::on(root)
        .margin_top(10)
        .margin_right(26)
        .x_label_area_size(LETTERS * 2)
        .y_label_area_size(left)
        .build_cartesian_2d(Scale::of(x), Scale::of(y))?;
    sheet
        .configure_mesh()
        .max_light_lines(0)
        .bold_line_style(palette::grid())
        .axis_style(palette::grid())
        .label_style(("sans-serif", LETTERS).into_font().color(&palette::ink()))
        .x_labels(x.ticks.len().max(1))
        .y_labels(y.ticks.len().max(1))
        .x_label_formatter(&|tick| (x.label)(*tick))
        .y_label_formatter(&|tick| (y.label)(*tick))
        .draw()?;
    draw(&mut sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        assert_eq!(step(0.3, 1000.0), 0.5);
        assert_eq!(step(3.0, 1000.0), 5.0);
        assert_eq!(step(700.0, 1000.0), 1_000.0);
        assert_eq!(step(3.0 * 1024.0, 1024.0), 4.0 * 1024.0);
        assert_eq!(step(300.0 * 1024.0, 1024.0), 512.0 * 1024.0);
        for most in [1e-3, 0.7, 1.0, 3.3, 99.0, 1e6, 7.7e12] {
            let axis = Axis::up_to(most, 1000.0, |_| String::new());
            assert!(
                (2..=6).contains(&axis.ticks.len()),
                "{most}: {:?}",
                axis.ticks
            );
        }
    }
}
