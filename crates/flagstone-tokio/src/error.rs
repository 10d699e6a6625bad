//! Why nothing was read.

use std::{error::Error, fmt, io};

use flagstone::blocks::BlockError;

/// Nothing was read; what the peer sent is still in the socket.
///
/// ```
/// use flagstone::blocks::BlockAllocator;
/// use flagstone_tokio::read_pooled;
/// use tokio::net::UnixStream;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
/// # runtime.block_on(async {
/// let (one, _other) = UnixStream::pair()?;
/// let blocks = BlockAllocator::new(1 << 20);
/// let refused = read_pooled(&one, &blocks, 2 << 20).await.unwrap_err();
/// assert!(refused.block().is_some_and(|error| error.is_too_large()));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct ReadError {
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Socket(io::Error),
    Block(BlockError),
}

impl ReadError {
    /// What the socket said, if it failed.
    #[must_use]
    pub const fn socket(&self) -> Option<&io::Error> {
        match &self.cause {
            Cause::Socket(error) => Some(error),
            Cause::Block(_) => None,
        }
    }

    /// Why there was no block, if there was none.
    #[must_use]
    pub const fn block(&self) -> Option<&BlockError> {
        match &self.cause {
            Cause::Block(error) => Some(error),
            Cause::Socket(_) => None,
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self {
            cause: Cause::Socket(error),
        }
    }
}

impl From<BlockError> for ReadError {
    fn from(error: BlockError) -> Self {
        Self {
            cause: Cause::Block(error),
        }
    }
}

/// For who reads in other ways, too: without a block it is [`io::ErrorKind::OutOfMemory`].
impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error.cause {
            Cause::Socket(error) => error,
            Cause::Block(error) => Self::new(io::ErrorKind::OutOfMemory, error),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Socket(error) => write!(f, "the socket cannot be read: {error}"),
            Cause::Block(error) => write!(f, "there is no block to read into: {error}"),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Socket(error) => Some(error),
            Cause::Block(error) => Some(error),
        }
    }
}
