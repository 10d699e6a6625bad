//! Lists of spans, linked through them.

use core::{cell::Cell, ptr, ptr::NonNull};

use super::span::Span;

/// A list of spans, each of which is on one list at most.
///
/// All zeros is an empty list. Whoever has a list owns the links of the spans on it, which stay as long as they
/// are on it: that is promised by whoever calls a function that is `unsafe`.
#[derive(Debug)]
pub(super) struct SpanList {
    first: Cell<*const Span>,
    last: Cell<*const Span>,
}

impl SpanList {
    pub(super) const fn new() -> Self {
        Self {
            first: Cell::new(ptr::null()),
            last: Cell::new(ptr::null()),
        }
    }

    pub(super) fn first(&self) -> Option<NonNull<Span>> {
        NonNull::new(self.first.get().cast_mut())
    }

    /// # Safety
    ///
    /// `span` is on no list, and its links are the caller's.
    pub(super) unsafe fn push_front(&self, span: &Span) {
        let first = self.first.get();
        span.previous.set(ptr::null());
        span.next.set(first);
        // SAFETY: a span on the list is there.
        match unsafe { first.as_ref() } {
            Some(first) => first.previous.set(span),
            None => self.last.set(span),
        }
        self.first.set(span);
    }

    /// # Safety
    ///
    /// As for `push_front`.
    pub(super) unsafe fn push_back(&self, span: &Span) {
        let last = self.last.get();
        span.next.set(ptr::null());
        span.previous.set(last);
        // SAFETY: a span on the list is there.
        match unsafe { last.as_ref() } {
            Some(last) => last.next.set(span),
            None => self.first.set(span),
        }
        self.last.set(span);
    }

    /// # Safety
    ///
    /// `span` is on this list.
    pub(super) unsafe fn unlink(&self, span: &Span) {
        let (previous, next) = (span.previous.get(), span.next.get());
        // SAFETY: a span on the list is there.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.next.set(next),
            None => self.first.set(next),
        }
        // SAFETY: as above.
        match unsafe { next.as_ref() } {
            Some(next) => next.previous.set(previous),
            None => self.last.set(previous),
        }
    }

    /// # Safety
    ///
    /// The spans on the list are there.
    pub(super) unsafe fn pop_front(&self) -> Option<NonNull<Span>> {
        let first = self.first()?;
        // SAFETY: the caller's promise; it is on this list.
        unsafe { self.unlink(first.as_ref()) };
        Some(first)
    }
}
