//! The floor of recycling: objects in one run, and a stack of the addresses of those that are idle.

#![expect(unsafe_code, reason = "a floor is the mechanism without any check")]

use std::{
    cell::Cell,
    hint::black_box,
    ops::{Deref, DerefMut},
    ptr::NonNull,
};

use crate::{
    contender::{Contender, Role, exhausted},
    payload::Payload,
};

/// Objects that are all made at once.
///
/// # Invariants
///
/// 1. The places of `idle` below `top` hold the objects that nobody has.
pub(crate) struct RecycleFloor<T> {
    idle: NonNull<NonNull<T>>,
    top: Cell<usize>,
    _stack: Vec<NonNull<T>>,
    _objects: Vec<T>,
}

/// An object in use.
pub(crate) struct Out<'p, T> {
    object: NonNull<T>,
    pool: &'p RecycleFloor<T>,
}

impl<T> Deref for Out<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: an object of the pool that is this handle's alone.
        unsafe { self.object.as_ref() }
    }
}

impl<T> DerefMut for Out<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        unsafe { self.object.as_mut() }
    }
}

impl<T> Drop for Out<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        let top = self.pool.top.get();
        // SAFETY: there is a place for every object, and this one was not on the stack.
        let place = unsafe { self.pool.idle.add(top) };
        // SAFETY: as above.
        unsafe { place.write(self.object) };
        self.pool.top.set(top + 1);
    }
}

impl<T: Payload> Contender for RecycleFloor<T> {
    const NAME: &'static str = "floor::recycle";
    const ROLE: Role = Role::Floor;
    type Value = T;
    type Handle<'p> = Out<'p, T>;

    fn with_capacity(capacity: usize) -> Self {
        let mut objects = vec![T::of(0); capacity];
        let first = NonNull::new(objects.as_mut_ptr()).unwrap_or_else(|| exhausted());
        // SAFETY: in bounds.
        let mut stack: Vec<_> = (0..capacity).map(|at| unsafe { first.add(at) }).collect();
        Self {
            idle: NonNull::new(stack.as_mut_ptr()).unwrap_or_else(|| exhausted()),
            top: Cell::new(capacity),
            _stack: stack,
            _objects: objects,
        }
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> Out<'_, T> {
        let Some(top) = self.top.get().checked_sub(1) else {
            exhausted()
        };
        self.top.set(top);
        // SAFETY: below what the top was.
        let place = unsafe { self.idle.add(top) };
        let mut out = Out {
            // SAFETY: holds an object (invariant 1).
            object: unsafe { place.read() },
            pool: self,
        };
        out.mark(value.first_word());
        out
    }

    #[inline(always)]
    fn free<'p>(&'p self, mut handle: Out<'p, T>) {
        handle.mark(0); // the reset
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p Out<'_, T>) -> &'p T {
        handle
    }

    #[inline(always)]
    fn witness(&self, handle: &Out<'_, T>) {
        black_box(handle.object);
    }
}
