//! Samples as a table and as a picture.

use std::fmt::Write;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::{args::Mode, scenario::Sample};

/// Samples of each mode.
pub type Runs = [(Mode, Vec<Sample>)];

/// One line for each sample, and their names on the first.
#[must_use]
pub fn csv(runs: &Runs) -> String {
    let mut csv = String::from("mode,seconds,resident_bytes,charged_bytes,received_bytes\n");
    for (mode, samples) in runs {
        for sample in samples {
            let name = mode.name();
            // Writing to a string does not fail.
            let _ = writeln!(csv, "{name},{}", line(sample));
        }
    }
    csv
}

/// A sample as the children of `compare` say it.
#[must_use]
pub fn line(sample: &Sample) -> String {
    let Sample {
        seconds,
        resident,
        charged,
        received,
    } = sample;
    format!("{seconds:.3},{resident},{charged},{received}")
}

/// What [`line`] says.
#[must_use]
pub fn parse(line: &str) -> Option<Sample> {
    let mut fields = line.split(',');
    let mut next = || fields.next();
    Some(Sample {
        seconds: next()?.parse().ok()?,
        resident: next()?.parse().ok()?,
        charged: next()?.parse().ok()?,
        received: next()?.parse().ok()?,
    })
}

const MIB: f64 = 1024.0 * 1024.0;

/// Resident memory over time, a line for each mode, and one where the budget is.
///
/// # Errors
///
/// If it cannot be drawn.
pub fn svg(runs: &Runs, budget: u64) -> Result<String> {
    let mut svg = String::new();
    draw(&mut svg, runs, budget as f64 / MIB)
        .map_err(|error| anyhow!("the plot cannot be drawn: {error}"))?;
    Ok(svg)
}

fn draw(svg: &mut String, runs: &Runs, budget: f64) -> Result<(), Box<dyn std::error::Error>> {
    let samples = || runs.iter().flat_map(|(_, samples)| samples);
    let end = samples().map(|sample| sample.seconds).fold(0.1, f64::max);
    let most = samples().map(|sample| sample.resident as f64 / MIB);
    let most = most.fold(budget, f64::max) * 1.25; // room for what the lines are called

    let root = SVGBackend::with_string(svg, (760, 380)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..end, 0.0..most)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .label_style(("sans-serif", 15))
        .x_desc("seconds")
        .y_desc("MiB resident")
        .draw()?;
    let dashes = DashedLineSeries::new([(0.0, budget), (end, budget)], 6, 6, BLACK.stroke_width(1));
    chart.draw_series(dashes)?;
    let text = ("sans-serif", 15).into_font();
    let above = (end * 0.8, budget + most * 0.05);
    chart.draw_series([Text::new("the budget", above, text)])?;
    for (mode, samples) in runs {
        let colour = match mode {
            Mode::Budget => RGBColor(0, 114, 178),
            Mode::Unbounded => RGBColor(213, 94, 0),
        };
        let points = samples
            .iter()
            .map(|sample| (sample.seconds, sample.resident as f64 / MIB));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(mode.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(("sans-serif", 15))
        .border_style(TRANSPARENT)
        .draw()?;
    root.present()?;
    Ok(())
}
