//! Races blocks against what services build from parts, and prints a table for each event.

use flagstone_benches::{
    blocks::{EVENTS, SIZES, lanes},
    race::{Settings, race},
};

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let settings = if quick {
        Settings::QUICK
    } else {
        Settings::FULL
    };
    for event in EVENTS {
        for size in SIZES {
            println!("\n{event}, {size} bytes");
            let samples = race(&mut lanes(event, size), settings);
            let ours = samples.first();
            for sample in &samples {
                let times = ours.map_or(f64::NAN, |ours| sample.times(ours));
                let (min, median) = (sample.min(), sample.median());
                println!(
                    "  {:32} {min:8.1} {median:8.1} ns {times:6.2} x",
                    sample.name
                );
            }
        }
    }
}
