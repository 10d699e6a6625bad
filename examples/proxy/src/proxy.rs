//! The proxy.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use futures_lite::future::try_zip;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

use crate::{
    memory::{Memory, Way},
    pump::pump,
};

/// Passes connections on to a server.
#[derive(Debug)]
pub struct Proxy {
    listener: TcpListener,
    server: SocketAddr,
    memory: Memory,
}

impl Proxy {
    /// Listens; connections wait until it [runs](Self::run).
    ///
    /// # Errors
    ///
    /// If it cannot listen there.
    pub async fn bind(listen: SocketAddr, server: SocketAddr, memory: Memory) -> Result<Self> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("the proxy cannot listen on {listen}"))?;
        Ok(Self {
            listener,
            server,
            memory,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves connections for ever, each in a task of its own. What goes wrong with one is told on the
    /// standard error stream.
    pub async fn run(self) {
        let (server, memory) = (self.server, Arc::new(self.memory));
        loop {
            let (client, peer) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // No descriptors are left, most likely: until one is, trying again only burns time.
                    eprintln!("flagstone-proxy: a connection was not accepted: {error}");
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let memory = Arc::clone(&memory);
            tokio::spawn(async move {
                if let Err(error) = pass_on(client, server, &memory).await {
                    eprintln!("flagstone-proxy: the connection of {peer} ended: {error:#}");
                }
            });
        }
    }
}

async fn pass_on(client: TcpStream, server: SocketAddr, memory: &Memory) -> Result<()> {
    let server = TcpStream::connect(server)
        .await
        .with_context(|| format!("{server} does not answer"))?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    try_zip(
        pump(memory, Way::ToServer, from_client, to_server),
        pump(memory, Way::ToClient, from_server, to_client),
    )
    .await?;
    Ok(())
}
