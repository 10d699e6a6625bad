//! Fast sources, the proxy, and a slow sink, in one process whose memory is looked at.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    memory::{CHUNK, Memory},
    pattern::Pattern,
    proxy::Proxy,
    resident::resident,
};

/// What is sent, and how fast it is taken.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Sources, a connection each.
    pub connections: usize,
    /// Bytes that each sends, as fast as the proxy takes them.
    pub bytes: u64,
    /// Bytes a second that the sinks read, all together.
    pub rate: u64,
    /// Time between two looks at the memory.
    pub every: Duration,
}

/// What was seen at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Since the first source began.
    pub seconds: f64,
    /// Bytes of the process in memory.
    pub resident: u64,
    /// Bytes charged to the budget; 0 without one.
    pub charged: u64,
    /// Bytes that the sinks have read.
    pub received: u64,
}

impl Scenario {
    /// Runs it, and tells `seen` of each sample. Every byte is compared with what was sent.
    ///
    /// # Errors
    ///
    /// If a connection breaks, bytes are missing, changed or too many, or memory cannot be looked at.
    pub fn run(&self, memory: Memory, mut seen: impl FnMut(Sample) -> Result<()>) -> Result<()> {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let sink = TcpListener::bind(here).context("the sink cannot listen")?;
        let server = sink.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("no runtime")?;
        let proxy = runtime.block_on(Proxy::bind(here, server, memory.clone()))?;
        let address = proxy.address()?;
        // Ends with the process, or the test: nothing waits for it.
        thread::spawn(move || runtime.block_on(proxy.run()));

        let mut pairs = Vec::new();
        for _ in 0..self.connections {
            let source = TcpStream::connect(address).context("the proxy does not answer")?;
            let (stream, _) = sink.accept().context("the proxy does not connect")?;
            pairs.push((source, stream));
        }
        let received = AtomicU64::new(0);
        let began = Instant::now();
        thread::scope(|scope| {
            let mut ends = Vec::new();
            for (number, (source, stream)) in pairs.into_iter().enumerate() {
                let received = &received;
                ends.push(scope.spawn(move || self.send(number, source)));
                ends.push(scope.spawn(move || self.take(stream, received, began)));
            }
            let mut look = || {
                seen(Sample {
                    seconds: began.elapsed().as_secs_f64(),
                    resident: resident()?,
                    charged: match &memory {
                        Memory::Budget(budgeted) => budgeted.blocks().budget().charged() as u64,
                        Memory::Unbounded => 0,
                    },
                    // Relaxed: a number for a plot.
                    received: received.load(Ordering::Relaxed),
                })
            };
            while ends.iter().any(|end| !end.is_finished()) {
                look()?;
                thread::sleep(self.every);
            }
            look()?;
            for end in ends {
                match end.join() {
                    Ok(done) => done?,
                    Err(_) => bail!("a source or a sink panicked"),
                }
            }
            Ok(())
        })
    }

    /// The first byte says which source it is, so that the sink knows what is to come.
    fn send(&self, number: usize, mut to: TcpStream) -> Result<()> {
        let mut pattern = Pattern::new(number);
        let mut left = self.bytes;
        to.write_all(&[number as u8])?;
        while left > 0 {
            let bytes = pattern.next(CHUNK.min(left as usize));
            to.write_all(bytes).context("a source cannot send")?;
            left -= bytes.len() as u64;
        }
        Ok(())
    }

    fn take(&self, mut from: TcpStream, received: &AtomicU64, began: Instant) -> Result<()> {
        let mut first = [0];
        from.read_exact(&mut first).context("a sink cannot read")?;
        let mut pattern = Pattern::new(first[0].into());
        let (mut buffer, mut count) = (vec![0; CHUNK], 0);
        let rate = self.rate as f64 / self.connections as f64;
        loop {
            let bytes = from.read(&mut buffer).context("a sink cannot read")?;
            if bytes == 0 {
                break;
            }
            ensure!(
                pattern.goes_on_with(&buffer[..bytes]),
                "bytes after {count} are not those that were sent"
            );
            count += bytes as u64;
            received.fetch_add(bytes as u64, Ordering::Relaxed);
            let due = Duration::from_secs_f64(count as f64 / rate);
            thread::sleep(due.saturating_sub(began.elapsed()));
        }
        ensure!(
            count == self.bytes,
            "{count} bytes arrived and {} were sent",
            self.bytes
        );
        Ok(())
    }
}
