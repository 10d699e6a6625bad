//! One allocation per value on the system's allocator; a reset drops them one by one.

#![expect(unsafe_code, reason = "the workloads share their arena")]

use std::{any::Any, mem::MaybeUninit, ptr::NonNull};

use allocator_api2_02::alloc::Global;

use crate::{
    arena::bumper::{Bumper, Collections, Rooms, Texts, Values},
    contender::Role,
    rival::Exclusive,
};

/// `Box`es, and where they are kept until they are dropped.
#[derive(Default)]
struct Kept {
    values: Vec<Box<dyn Any>>,
    texts: Vec<Box<str>>,
    rooms: Vec<Box<[MaybeUninit<u8>]>>,
}

/// `Box` on the allocator of the process, glibc's malloc on Linux with it.
pub(crate) struct SystemBoxes(Exclusive<Kept>);

impl Bumper for SystemBoxes {
    const NAME: &'static str = "Box(system)";
    const ROLE: Role = Role::Rival;

    fn fresh(_: usize) -> Self {
        Self(Exclusive::new(Kept::default()))
    }

    #[inline(always)]
    fn reset(&mut self) {
        // SAFETY: nothing of the values' runs inside, and no reference is kept.
        unsafe {
            self.0.call(|kept| {
                kept.values.clear();
                kept.texts.clear();
                kept.rooms.clear();
            });
        }
    }
}

impl Values for SystemBoxes {
    #[inline(always)]
    fn value<T: Copy + 'static>(&self, value: T) -> NonNull<T> {
        let mut value = Box::new(value);
        let place = NonNull::from(&mut *value);
        // SAFETY: no reference is kept.
        unsafe { self.0.call(|kept| kept.values.push(value)) };
        place
    }
}

impl Texts for SystemBoxes {
    #[inline(always)]
    fn text(&self, text: &str) -> NonNull<u8> {
        let mut text = Box::<str>::from(text);
        let place = NonNull::from(&mut *text).cast();
        // SAFETY: no reference is kept.
        unsafe { self.0.call(|kept| kept.texts.push(text)) };
        place
    }
}

impl Rooms for SystemBoxes {
    #[inline(always)]
    fn room(&self, layout: std::alloc::Layout) -> NonNull<u8> {
        let mut room = Box::new_uninit_slice(layout.size());
        let place = NonNull::from(&mut *room).cast();
        // SAFETY: no reference is kept.
        unsafe { self.0.call(|kept| kept.rooms.push(room)) };
        place
    }
}

/// Collections on the system's allocator.
pub(crate) struct SystemVec;

impl Bumper for SystemVec {
    const NAME: &'static str = "Vec(system)";
    const ROLE: Role = Role::Rival;

    fn fresh(_: usize) -> Self {
        Self
    }

    fn reset(&mut self) {}
}

impl Collections for SystemVec {
    type Allocator<'a> = Global;

    #[inline(always)]
    fn allocator(&self) -> Global {
        Global
    }
}
