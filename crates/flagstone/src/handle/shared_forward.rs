//! The traits of `core` that a shared handle has because its value has them.

use core::{
    borrow::Borrow,
    cmp::Ordering,
    error::Error,
    fmt,
    hash::{Hash, Hasher},
};

use super::SharedHandle;
use crate::raw::SharedHome;

impl<T: ?Sized, H: SharedHome> AsRef<T> for SharedHandle<'_, T, H> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized, H: SharedHome> Borrow<T> for SharedHandle<'_, T, H> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: ?Sized + fmt::Debug, H: SharedHome> fmt::Debug for SharedHandle<'_, T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display, H: SharedHome> fmt::Display for SharedHandle<'_, T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + PartialEq, H: SharedHome> PartialEq for SharedHandle<'_, T, H> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq, H: SharedHome> Eq for SharedHandle<'_, T, H> {}

impl<T: ?Sized + PartialOrd, H: SharedHome> PartialOrd for SharedHandle<'_, T, H> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: ?Sized + Ord, H: SharedHome> Ord for SharedHandle<'_, T, H> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: ?Sized + Hash, H: SharedHome> Hash for SharedHandle<'_, T, H> {
    fn hash<S: Hasher>(&self, state: &mut S) {
        (**self).hash(state);
    }
}

impl<T: ?Sized + Error, H: SharedHome> Error for SharedHandle<'_, T, H> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        (**self).source()
    }
}
