//! The traits of `core` and `std` that a handle has because its value has them.

use core::{
    borrow::{Borrow, BorrowMut},
    cmp::Ordering,
    error::Error,
    fmt,
    future::Future,
    hash::{Hash, Hasher},
    iter::FusedIterator,
    pin::Pin,
    task::{Context, Poll},
};

use super::OwnedHandle;
use crate::raw::Home;

impl<T: ?Sized, H: Home> AsRef<T> for OwnedHandle<'_, T, H> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized, H: Home> AsMut<T> for OwnedHandle<'_, T, H> {
    fn as_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: ?Sized, H: Home> Borrow<T> for OwnedHandle<'_, T, H> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: ?Sized, H: Home> BorrowMut<T> for OwnedHandle<'_, T, H> {
    fn borrow_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: ?Sized + fmt::Debug, H: Home> fmt::Debug for OwnedHandle<'_, T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display, H: Home> fmt::Display for OwnedHandle<'_, T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + PartialEq, H: Home> PartialEq for OwnedHandle<'_, T, H> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq, H: Home> Eq for OwnedHandle<'_, T, H> {}

impl<T: ?Sized + PartialOrd, H: Home> PartialOrd for OwnedHandle<'_, T, H> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: ?Sized + Ord, H: Home> Ord for OwnedHandle<'_, T, H> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: ?Sized + Hash, H: Home> Hash for OwnedHandle<'_, T, H> {
    fn hash<S: Hasher>(&self, state: &mut S) {
        (**self).hash(state);
    }
}

impl<T: ?Sized + Hasher, H: Home> Hasher for OwnedHandle<'_, T, H> {
    fn finish(&self) -> u64 {
        (**self).finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        (**self).write(bytes);
    }
}

impl<T: ?Sized + Iterator, H: Home> Iterator for OwnedHandle<'_, T, H> {
    type Item = T::Item;

    fn next(&mut self) -> Option<T::Item> {
        (**self).next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (**self).size_hint()
    }

    fn nth(&mut self, n: usize) -> Option<T::Item> {
        (**self).nth(n)
    }
}

impl<T: ?Sized + DoubleEndedIterator, H: Home> DoubleEndedIterator for OwnedHandle<'_, T, H> {
    fn next_back(&mut self) -> Option<T::Item> {
        (**self).next_back()
    }

    fn nth_back(&mut self, n: usize) -> Option<T::Item> {
        (**self).nth_back(n)
    }
}

impl<T: ?Sized + ExactSizeIterator, H: Home> ExactSizeIterator for OwnedHandle<'_, T, H> {
    fn len(&self) -> usize {
        (**self).len()
    }
}

impl<T: ?Sized + FusedIterator, H: Home> FusedIterator for OwnedHandle<'_, T, H> {}

impl<T: ?Sized + Future + Unpin, H: Home> Future for OwnedHandle<'_, T, H> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T::Output> {
        Pin::new(&mut **self).poll(context)
    }
}

impl<T: ?Sized + Error, H: Home> Error for OwnedHandle<'_, T, H> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        (**self).source()
    }
}

#[cfg(feature = "std")]
mod io {
    use std::io::{BufRead, IoSlice, IoSliceMut, Read, Result, Seek, SeekFrom, Write};

    use super::{Home, OwnedHandle};

    impl<T: ?Sized + Read, H: Home> Read for OwnedHandle<'_, T, H> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            (**self).read(buffer)
        }

        fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
            (**self).read_vectored(buffers)
        }
    }

    impl<T: ?Sized + Write, H: Home> Write for OwnedHandle<'_, T, H> {
        fn write(&mut self, buffer: &[u8]) -> Result<usize> {
            (**self).write(buffer)
        }

        fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> Result<usize> {
            (**self).write_vectored(buffers)
        }

        fn flush(&mut self) -> Result<()> {
            (**self).flush()
        }
    }

    impl<T: ?Sized + Seek, H: Home> Seek for OwnedHandle<'_, T, H> {
        fn seek(&mut self, position: SeekFrom) -> Result<u64> {
            (**self).seek(position)
        }
    }

    impl<T: ?Sized + BufRead, H: Home> BufRead for OwnedHandle<'_, T, H> {
        fn fill_buf(&mut self) -> Result<&[u8]> {
            (**self).fill_buf()
        }

        fn consume(&mut self, amount: usize) {
            (**self).consume(amount);
        }
    }
}
