//! What can say that there is something to read.

use std::{future::Future, io, mem::MaybeUninit};

use flagstone::blocks::Block;
use socket2::SockRef;
use tokio::{
    io::Interest,
    net::{TcpStream, tcp},
};

/// A socket that says when there is something to read, and reads without waiting: those of tokio, their
/// halves, and references to them. One of your own can be read into blocks, too, if it has both.
///
/// It is not believed: what counts as read is what the block has more, and nothing but speed depends on
/// whether [`readable`](Self::readable) is right.
pub trait Readable {
    /// Is ready when there may be something to read, the end or an error included. May be dropped at any
    /// time.
    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send;

    /// Appends to `block` what there is, as far as it has room; nothing at the end.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`], after which [`readable`](Self::readable) waits again, if there is
    /// nothing; else what the system says.
    fn try_read(&self, block: &mut Block) -> io::Result<usize>;

    /// Looks whether there is something, and takes nothing: `false` at the end. Asked when the budget is
    /// short, so that only those stand in line for a block who have something to put into it. Some
    /// sockets count as readable until the first try.
    ///
    /// Unless told otherwise, there may be something.
    ///
    /// # Errors
    ///
    /// As [`try_read`](Self::try_read).
    fn try_peek(&self) -> io::Result<bool> {
        Ok(true)
    }
}

impl<T: Readable + Sync> Readable for &T {
    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send {
        (**self).readable()
    }

    fn try_read(&self, block: &mut Block) -> io::Result<usize> {
        (**self).try_read(block)
    }

    fn try_peek(&self) -> io::Result<bool> {
        (**self).try_peek()
    }
}

/// Types that have both as methods, by the same names; and what they read from, if it can be peeked into.
macro_rules! readable {
    ($($socket:ty $(=> |$this:ident| $stream:expr)?),* $(,)?) => {$(
        impl Readable for $socket {
            fn readable(&self) -> impl Future<Output = io::Result<()>> + Send {
                self.readable()
            }

            fn try_read(&self, block: &mut Block) -> io::Result<usize> {
                self.try_read_buf(block)
            }

            $(fn try_peek(&self) -> io::Result<bool> {
                let $this = self;
                let stream = $stream;
                stream.try_io(Interest::READABLE, || {
                    let byte = &mut [MaybeUninit::uninit()];
                    Ok(SockRef::from(stream).peek(byte)? > 0)
                })
            })?
        }
    )*};
}

readable!(
    TcpStream => |this| this,
    tcp::OwnedReadHalf => |this| this.as_ref(),
    tcp::ReadHalf<'_> => |this| this.as_ref(),
);

#[cfg(unix)]
mod on_unix {
    use tokio::net::{UnixStream, unix};

    use super::*;

    readable!(
        UnixStream => |this| this,
        unix::OwnedReadHalf => |this| this.as_ref(),
        unix::ReadHalf<'_> => |this| this.as_ref(),
        unix::pipe::Receiver,
    );
}
