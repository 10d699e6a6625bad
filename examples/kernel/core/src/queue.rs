//! First in, first out, in boxes that hold each other.

use flagstone::AllocErrorKind;

use crate::cache::{Boxed, Cache};

/// A value and what stands behind it.
#[derive(Debug)]
pub(crate) struct Node<T: 'static> {
    value: T,
    next: Link<T>,
}

type Link<T> = Option<Boxed<Node<T>>>;

/// Two lists, each with its newest first: values are pushed to one and popped from the other, which
/// takes over the first, turned round, when it is empty. Moving a box moves no value.
#[derive(Debug)]
pub(crate) struct Queue<T: Copy + 'static> {
    pushed: Link<T>,
    popped: Link<T>,
    len: usize,
}

/// A value that found no room, and why.
#[derive(Debug)]
pub(crate) struct Refused<T> {
    pub(crate) value: T,
    pub(crate) kind: AllocErrorKind,
}

impl<T: Copy> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self {
            pushed: None,
            popped: None,
            len: 0,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Puts `value` behind the others, in a box of `cache`.
    pub(crate) fn push(&mut self, cache: &Cache<Node<T>>, value: T) -> Result<(), Refused<T>> {
        match Self::boxed(cache, value) {
            Ok(node) => {
                self.push_boxed(node);
                Ok(())
            }
            Err(refused) => Err(refused),
        }
    }

    /// A value on its own, to be pushed later.
    pub(crate) fn boxed(cache: &Cache<Node<T>>, value: T) -> Result<Boxed<Node<T>>, Refused<T>> {
        cache.alloc(Node { value, next: None }).map_err(|refused| {
            let kind = refused.kind();
            let value = refused.into_inner().value;
            Refused { value, kind }
        })
    }

    /// Puts what [`boxed`](Self::boxed) made behind the others. Allocates nothing.
    pub(crate) fn push_boxed(&mut self, mut node: Boxed<Node<T>>) {
        node.next = self.pushed.take();
        self.pushed = Some(node);
        self.len += 1;
    }

    /// The oldest value; its box goes home.
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.popped.is_none() {
            while let Some(mut node) = self.pushed.take() {
                self.pushed = node.next.take();
                node.next = self.popped.take();
                self.popped = Some(node);
            }
        }
        let mut node = self.popped.take()?;
        self.popped = node.next.take();
        self.len -= 1;
        Some(node.value)
    }
}

impl<T> Node<T> {
    pub(crate) const fn value(&self) -> &T {
        &self.value
    }
}

/// One by one: boxes that drop the next one would take as much stack as the queue is long.
impl<T: Copy> Drop for Queue<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
