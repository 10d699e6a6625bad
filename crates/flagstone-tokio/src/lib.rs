//! Sockets of tokio, read into blocks of a [`BlockAllocator`](flagstone::blocks::BlockAllocator).
//!
//! A server that gives every connection a buffer to read into has a buffer for every connection that is
//! silent, too. [`read_pooled`] waits until there is something to read, and takes a block only then; if the
//! budget is short, it waits for that next, and the peer is held back by its own socket. What was read
//! is charged until its last view is dropped, which [`write_views`] does as soon as it is written.
//!
//! ```
//! use flagstone::blocks::BlockAllocator;
//! use flagstone_tokio::{read_pooled, write_views};
//! use std::collections::VecDeque;
//! use tokio::net::{TcpListener, TcpStream};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
//! # runtime.block_on(async {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let mut client = TcpStream::connect(listener.local_addr()?).await?;
//! let (server, _) = listener.accept().await?;
//!
//! let blocks = BlockAllocator::new(64 << 20);
//! let hello = blocks.try_alloc(std::alloc::Layout::new::<[u8; 64]>()).map(|mut block| {
//!     block.write(0, b"hello").expect("it has room");
//!     block.freeze()
//! })?;
//! write_views(&mut client, &mut VecDeque::from([hello])).await?;
//! let block = read_pooled(&server, &blocks, 16 << 10).await?.expect("not the end");
//! assert_eq!(*block, *b"hello");
//!
//! drop(client);
//! assert!(read_pooled(&server, &blocks, 16 << 10).await?.is_none());
//! # Ok(())
//! # })
//! # }
//! ```
#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod error;
mod read;
mod readable;
mod write;

pub use error::ReadError;
pub use read::{read_pooled, read_pooled_in};
pub use readable::Readable;
pub use write::write_views;
