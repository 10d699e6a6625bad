//! See `flagstone-io-uring --help`, and `README.md`.

use std::{fs::File, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};
use bytesize::ByteSize;
use clap::Parser;
use flagstone_io_uring::{
    read::{Shape, read},
    ring::Ring,
};

/// Reads a file into blocks that the kernel knows, and says its length and CRC-32
#[derive(Debug, Parser)]
#[command(name = "flagstone-io-uring", version)]
struct Args {
    /// What to read
    file: PathBuf,
    /// Bytes of a read, a power of two
    #[arg(long, default_value = "256KiB")]
    block: ByteSize,
    /// Reads at once
    #[arg(long, default_value = "8")]
    depth: u32,
    /// Do without io_uring
    #[arg(long)]
    plain: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flagstone-io-uring: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let name = args.file.display();
    let file = File::open(&args.file).with_context(|| format!("{name} cannot be opened"))?;
    ensure!(file.metadata()?.is_file(), "{name} is no file");
    let shape = Shape {
        block: usize::try_from(args.block.as_u64()).unwrap_or(usize::MAX),
        depth: args.depth,
    };
    let blocks = shape.allocator()?;
    let ring = match args.plain {
        true => None,
        false => Ring::new(&file, &blocks, shape.depth)
            .inspect_err(|error| {
                eprintln!(
                    "flagstone-io-uring: io_uring cannot be used here ({error}), so the file is read without"
                );
            })
            .ok(),
    };
    let how = match ring {
        Some(_) => "with io_uring, into registered blocks",
        None => "without io_uring",
    };
    let (mut bytes, mut sum) = (0, crc32fast::Hasher::new());
    read(&file, &blocks, shape, ring, |view| {
        bytes += view.len() as u64;
        sum.update(&view);
    })?;
    println!(
        "{name}: {bytes} bytes, CRC-32 {:08x}, {how}",
        sum.finalize()
    );
    Ok(())
}
