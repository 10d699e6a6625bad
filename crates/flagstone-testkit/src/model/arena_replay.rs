//! An arena beside its naive version.
#![expect(unsafe_code, reason = "resizes blocks and goes back to checkpoints")]

use std::{alloc::Layout, ptr::NonNull};

use flagstone::{AllocError, AllocErrorKind};

use super::{ArenaOp, NaiveArena};
use crate::{
    conformance::{ArenaKind, TestProvider, WholeArena},
    fuse::blows,
    provider::Source,
    value::{Census, Event, Page, Tracked},
};

/// Runs a program on an arena of `source` and on the naive one, which must agree after each call: no
/// blocks overlap or are misaligned, all keep what lies in them, values are dropped once and the
/// newest first, `usage` adds up, only what may be refused is, and chunks go back once.
///
/// # Panics
///
/// When they do not agree.
pub fn replay_arena<K: ArenaKind>(source: Source, program: &[ArenaOp]) {
    let mut arena = K::on(source);
    let mut both = Both {
        naive: NaiveArena::new(K::MIN_ALIGN),
        census: Census::default(),
        ops: program.iter(),
        bounded: arena.provider().inner().inner().is_bounded(),
        most: usize::MAX,
    };
    loop {
        match both.part(&arena) {
            End::Reset(nth) => both.reset(&mut arena, nth),
            End::ShrinkTo(bytes) => {
                arena.shrink_to(bytes);
                both.compare(&arena);
            }
            End::Program => break,
        }
    }
    both.naive.clear();
    both.ending(0, || drop(arena));
}

/// Why a part of the arena's life ends.
enum End {
    Program,
    Reset(usize),
    ShrinkTo(usize),
}

struct Both<'o> {
    naive: NaiveArena,
    census: Census,
    ops: std::slice::Iter<'o, ArenaOp>,
    /// Whether the provider has an end.
    bounded: bool,
    /// Bytes that may be reserved: the limit, or what was there when it was set.
    most: usize,
}

/// Aligned more than most, and of an odd size.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Wide(#[expect(dead_code, reason = "bytes are what counts")] [u8; 70]);

impl Both<'_> {
    /// Runs the program until the scope that `arena` is, or the whole, ends.
    fn part<A: WholeArena<Provider = TestProvider>>(&mut self, arena: &A) -> End {
        while let Some(&op) = self.ops.next() {
            match op {
                ArenaOp::Scope => self.scope(arena),
                ArenaOp::Checkpoint => self.checkpoint(arena),
                ArenaOp::Close(nth) => return End::Reset(nth),
                ArenaOp::ShrinkTo(bytes) if self.naive.depth() == 0 => {
                    return End::ShrinkTo(bytes);
                }
                ArenaOp::Limit(more) => {
                    let limit = more.map(|more| arena.usage().reserved + more);
                    arena.set_limit(limit);
                    assert_eq!(arena.limit(), limit);
                    self.most = limit.unwrap_or(usize::MAX);
                }
                ArenaOp::Refuse(nth) => arena.provider().inner().refuse(nth),
                _ => self.call(arena, op),
            }
            self.compare(arena);
        }
        End::Program
    }

    fn reset<A: WholeArena<Provider = TestProvider>>(&mut self, arena: &mut A, nth: usize) {
        self.naive.clear();
        self.ending(nth, || arena.reset());
        assert_eq!(arena.usage().allocated, 0);
        self.compare(arena);
    }

    fn scope<A: WholeArena<Provider = TestProvider>>(&mut self, arena: &A) {
        let before = arena.usage();
        let stays = self.census.live();
        let mut nth = 0;
        let mut opened = false;
        let (limit, both) = (arena.limit(), &mut *self);
        let mut inside = |scope: &A| {
            opened = true;
            both.naive.open();
            assert_eq!(scope.limit(), limit, "a scope has the limit of its arena");
            if let End::Reset(at) = both.part(scope) {
                nth = at;
            }
            both.naive.close();
            both.census.drops().set(nth);
            let _ = both.census.take_log();
        };
        let blown = blows(|| {
            arena.scoped(&mut inside);
        });
        if !opened {
            return;
        }
        assert_eq!(arena.limit(), limit, "a scope's limit is its own");
        // What the scope reserved under its own limit stays.
        let reserved = arena.usage().reserved;
        self.most = limit.map_or(usize::MAX, |limit| limit.max(reserved));
        let inner = self.closed(stays);
        assert_eq!(
            blown,
            (1..=inner).contains(&nth),
            "the panic is not the destructor's"
        );
        assert_eq!(
            arena.usage().allocated,
            before.allocated,
            "a scope took something"
        );
    }

    fn checkpoint<A: WholeArena<Provider = TestProvider>>(&mut self, arena: &A) {
        let before = arena.usage();
        let stays = self.census.live();
        let mut nth = 0;
        let mut opened = false;
        let both = &mut *self;
        let mut inside = || {
            opened = true;
            both.naive.open();
            if let End::Reset(at) = both.part(arena) {
                nth = at;
            }
            both.naive.close();
            both.census.drops().set(nth);
            let _ = both.census.take_log();
        };
        let blown = blows(|| {
            // SAFETY: the naive arena forgets what was handed out inside.
            unsafe { arena.rewound(&mut inside) };
        });
        if !opened {
            return;
        }
        let inner = self.closed(stays);
        assert_eq!(
            blown,
            (1..=inner).contains(&nth),
            "the panic is not the destructor's"
        );
        assert_eq!(
            arena.usage().allocated,
            before.allocated,
            "a checkpoint took something"
        );
    }

    /// A scope was closed, before which `stays` values lived; how many were dropped.
    fn closed(&self, stays: usize) -> usize {
        self.census.drops().set(0);
        assert_eq!(self.census.live(), stays, "a scope drops what is its own");
        self.dropped()
    }

    /// Runs `end`, which drops all values and panics at the `nth` of them.
    fn ending(&self, nth: usize, end: impl FnOnce()) {
        let kept = self.census.live();
        let _ = self.census.take_log();
        self.census.drops().set(nth);
        let blown = blows(end);
        assert_eq!(
            blown,
            (1..=kept).contains(&nth),
            "the panic is not the destructor's"
        );
        assert_eq!(self.closed(0), kept);
    }

    /// How many values were dropped since the log was last taken: the newest first.
    fn dropped(&self) -> usize {
        let drops = self
            .census
            .take_log()
            .into_iter()
            .filter_map(|event| match event {
                Event::Dropped(id) => Some(id),
                _ => None,
            });
        let drops: Vec<_> = drops.collect();
        let newest_first = drops.is_sorted_by(|newer, older| newer > older);
        assert!(newest_first, "dropped in the wrong order: {drops:?}");
        drops.len()
    }

    fn call<A: WholeArena<Provider = TestProvider>>(&mut self, arena: &A, op: ArenaOp) {
        let refusals = arena.provider().inner().refused();
        let result = self.place(arena, op);
        let Err((kind, bytes)) = result else {
            return;
        };
        let refused = arena.provider().inner().refused() > refusals;
        match kind {
            AllocErrorKind::LimitReached => {
                let usage = arena.usage();
                let need = bytes.saturating_add(HEADER);
                assert!(
                    usage.reserved.saturating_add(need) > self.most.min(isize::MAX as usize),
                    "{op:?} was refused below the limit: {usage:?}"
                );
            }
            AllocErrorKind::OutOfMemory => {
                assert!(
                    refused || self.bounded || bytes > MUCH,
                    "{op:?} was refused without a reason"
                );
            }
            kind => panic!("{op:?} was refused as {kind:?}"),
        }
    }

    /// Does one call; when it is refused, why, and how many bytes it would have taken at most.
    fn place<A: WholeArena<Provider = TestProvider>>(
        &mut self,
        arena: &A,
        op: ArenaOp,
    ) -> Result<(), (AllocErrorKind, usize)> {
        match op {
            ArenaOp::Value(kind) => match kind % 10 {
                0 => self.value(arena, kind),
                1 => self.value(arena, u16::from(kind)),
                2 => self.value(arena, [kind; 3]),
                3 => self.value(arena, u32::from(kind)),
                4..=6 => self.value(arena, u64::from(kind)),
                7 => self.value(arena, [u64::from(kind); 5]),
                8 => self.value(arena, u128::from(kind)),
                _ => self.value(arena, ()),
            },
            ArenaOp::Made(kind) => match kind % 4 {
                0 => self.made(arena, || [kind; 7]),
                1 => self.made(arena, || Wide([kind; 70])),
                2 => self.made(arena, || Page(kind)),
                _ => self.made(arena, || [u64::from(kind); 100]),
            },
            ArenaOp::Slice(kind, len) => self.slice(arena, kind, len),
            ArenaOp::Iterate { len, hint, nested } => self.iterate(arena, len, hint, nested),
            ArenaOp::Text(formatted, len) => {
                let text = "ab".repeat(len.div_ceil(2));
                let placed = if formatted {
                    arena.try_alloc_fmt(format_args!("{len}{text}!"))
                } else {
                    arena.try_alloc_str(&text)
                };
                let placed = placed.map_err(|error| (error.kind(), 4 * len + 64))?;
                let expected = if formatted {
                    format!("{len}{text}!")
                } else {
                    text
                };
                assert_eq!(*placed, *expected);
                // SAFETY: from now on it is bytes of the naive arena's.
                self.naive.placed(unsafe { placed.as_bytes_mut() });
                Ok(())
            }
            ArenaOp::Zeroed(len) => {
                let bytes = arena.try_alloc_bytes(len);
                let bytes = bytes.map_err(|error| (error.kind(), len))?;
                assert!(bytes.len() == len && bytes.iter().all(|&byte| byte == 0));
                self.naive.placed(bytes);
                Ok(())
            }
            ArenaOp::Block(layout) => {
                let room = arena.try_alloc_layout(layout);
                let room = room.map_err(|error| (error.kind(), spread(layout)))?;
                self.naive.handed_out(room, layout);
                Ok(())
            }
            ArenaOp::Kept(kind) => match kind % 4 {
                0 => self.kept(arena, self.census.tracked::<Page>()),
                1 => {
                    let value = self.census.tracked::<[u8; 3]>();
                    let refused = arena.try_alloc_auto(value).err();
                    refused.map_or(Ok(()), |error| Err((error.kind(), HEADER)))
                }
                _ => self.kept(arena, self.census.tracked::<()>()),
            },
            ArenaOp::Boxed(kind) => self.boxed(arena, kind),
            ArenaOp::Grow(pick, layout, zeroed) => self.grow(arena, pick, layout, zeroed),
            ArenaOp::Shrink(pick, layout) => self.shrink(arena, pick, layout),
            ArenaOp::Free(pick) => {
                if let Some(block) = self.naive.take(pick) {
                    // SAFETY: from this arena, or the one whose scope it is, and forgotten by now.
                    unsafe { arena.deallocate(block.start, block.layout) };
                }
                Ok(())
            }
            ArenaOp::ShrinkTo(_) => Ok(()),
            _ => unreachable!("not a call"),
        }
    }

    fn value<A: WholeArena, T: Copy + PartialEq + std::fmt::Debug>(
        &mut self,
        arena: &A,
        value: T,
    ) -> Result<(), (AllocErrorKind, usize)> {
        match arena.try_alloc(value) {
            Ok(place) => {
                assert_eq!(*place, value);
                self.naive.placed(place);
                Ok(())
            }
            Err(error) => {
                let kind = error.kind();
                assert_eq!(error.into_inner(), value);
                Err((kind, size_of::<T>()))
            }
        }
    }

    fn made<A: WholeArena, T>(
        &mut self,
        arena: &A,
        make: impl FnOnce() -> T,
    ) -> Result<(), (AllocErrorKind, usize)> {
        let place = arena.try_alloc_with(make);
        let place = place.map_err(|error| (error.kind(), spread(Layout::new::<T>())))?;
        self.naive.placed(place);
        Ok(())
    }

    fn slice<A: WholeArena>(
        &mut self,
        arena: &A,
        kind: u8,
        len: usize,
    ) -> Result<(), (AllocErrorKind, usize)> {
        let refused = |error: AllocError| (error.kind(), len * 8);
        match kind % 4 {
            0 => {
                let values: Vec<_> = (0..len).map(|n| n as u8).collect();
                let slice = arena.try_alloc_slice_copy(&values).map_err(refused)?;
                assert_eq!(slice, values);
                self.naive.placed(slice);
            }
            1 => {
                let values: Vec<_> = (0..len / 4).map(|n| n as u32).collect();
                let slice = arena.try_alloc_slice_clone(&values).map_err(refused)?;
                assert_eq!(slice, values);
                self.naive.placed(slice);
            }
            2 => {
                let slice = arena.try_alloc_slice_fill_with(len / 8, |n| n as u64);
                let slice = slice.map_err(refused)?;
                assert!(slice.iter().copied().eq(0..len as u64 / 8));
                self.naive.placed(slice);
            }
            _ => {
                let slice = arena.try_alloc_slice_fill_with(len, |_| ());
                assert_eq!(slice.map_err(refused)?.len(), len);
            }
        }
        Ok(())
    }

    fn iterate<A: WholeArena>(
        &mut self,
        arena: &A,
        len: usize,
        hint: usize,
        nested: usize,
    ) -> Result<(), (AllocErrorKind, usize)> {
        let naive = &mut self.naive;
        let values = (0..len as u16).inspect(|&n| {
            if usize::from(n) == nested
                && let Ok(inner) = arena.try_alloc(n)
            {
                naive.placed(inner);
            }
        });
        let slice = arena.try_alloc_slice_iter(Hinted { values, hint });
        // It moves as it doubles.
        let slice = slice.map_err(|error| (error.kind(), 8 * len + 64))?;
        assert!(slice.iter().copied().eq(0..len as u16));
        self.naive.placed(slice);
        Ok(())
    }

    fn kept<A: WholeArena, S: Default + Send + 'static>(
        &self,
        arena: &A,
        value: Tracked<S>,
    ) -> Result<(), (AllocErrorKind, usize)> {
        let id = value.id();
        match arena.try_alloc_drop(value) {
            Ok(place) => assert_eq!(place.id(), id),
            Err(error) => {
                let kind = error.kind();
                assert_eq!(error.into_inner().id(), id);
                return Err((kind, 2 * spread(Layout::new::<Tracked<S>>())));
            }
        }
        Ok(())
    }

    fn boxed<A: WholeArena>(&mut self, arena: &A, kind: u8) -> Result<(), (AllocErrorKind, usize)> {
        use flagstone::arena::ArenaBox;
        // A census of their own: these are not dropped by the arena.
        let census = Census::default();
        let refused = |kind| (kind, 100 * HEADER);
        match kind % 4 {
            0 => {
                let value = arena.try_alloc_boxed(census.tracked::<()>());
                drop(value.map_err(|error| refused(error.kind()))?);
            }
            1 => {
                let value = arena.try_alloc_boxed(census.tracked::<()>());
                let value = ArenaBox::into_inner(value.map_err(|error| refused(error.kind()))?);
                assert_eq!(value.id(), 1);
            }
            2 => {
                let value = arena.try_alloc_boxed([u64::from(kind); 3]);
                let place = ArenaBox::leak(value.map_err(|error| refused(error.kind()))?);
                self.naive.placed(place);
            }
            _ => {
                let values = (0..kind).map(|_| census.tracked::<()>());
                let values = arena.try_alloc_boxed_slice(values);
                let values = values.map_err(|error| refused(error.kind()))?;
                assert_eq!(census.live(), usize::from(kind));
                drop(values);
            }
        }
        assert_eq!(census.live(), 0, "a box drops its value once");
        Ok(())
    }

    fn grow<A: WholeArena>(
        &mut self,
        arena: &A,
        pick: usize,
        layout: Layout,
        zeroed: bool,
    ) -> Result<(), (AllocErrorKind, usize)> {
        let Some(block) = self.naive.take(pick) else {
            return Ok(());
        };
        let layout = at_least(layout, block.layout.size());
        // SAFETY: from this arena, or the one whose scope it is; the new size is not smaller.
        let grown = unsafe {
            if zeroed {
                arena.grow_zeroed(block.start, block.layout, layout)
            } else {
                arena.grow(block.start, block.layout, layout)
            }
        };
        self.resized(arena, block, layout, grown, zeroed)
    }

    fn shrink<A: WholeArena>(
        &mut self,
        arena: &A,
        pick: usize,
        layout: Layout,
    ) -> Result<(), (AllocErrorKind, usize)> {
        let Some(block) = self.naive.take(pick) else {
            return Ok(());
        };
        let size = layout.size().min(block.layout.size());
        let layout = Layout::from_size_align(size, layout.align()).unwrap_or(block.layout);
        // SAFETY: as in `grow`, but the new size is not larger.
        let shrunk = unsafe { arena.shrink(block.start, block.layout, layout) };
        self.resized(arena, block, layout, shrunk, false)
    }

    fn resized<A: WholeArena>(
        &mut self,
        arena: &A,
        block: super::Block,
        layout: Layout,
        answer: Option<NonNull<[u8]>>,
        zeroed: bool,
    ) -> Result<(), (AllocErrorKind, usize)> {
        match answer {
            Some(resized) => {
                assert_eq!(resized.len(), layout.size());
                self.naive.resized(block, resized.cast(), layout, zeroed);
                Ok(())
            }
            None => {
                self.naive.put_back(block);
                // The allocator API gives no reason.
                let kind = match arena.limit() {
                    Some(_) => AllocErrorKind::LimitReached,
                    None => AllocErrorKind::OutOfMemory,
                };
                if kind == AllocErrorKind::LimitReached {
                    // It may have been the provider all the same.
                    return Ok(());
                }
                Err((kind, spread(layout)))
            }
        }
    }

    fn compare<A: WholeArena<Provider = TestProvider>>(&mut self, arena: &A) {
        let usage = arena.usage();
        assert_eq!(
            usage.reserved,
            usage.allocated + usage.available + usage.wasted,
            "{usage:?}"
        );
        assert!(self.naive.bytes() <= usage.allocated, "{usage:?}");
        let provider = arena.provider();
        assert_eq!(usage.chunks, provider.live(), "{usage:?}");
        // A provider may give whole pages.
        let pages = provider.live_bytes() + usage.chunks * PAGE;
        assert!(
            (provider.live_bytes()..=pages).contains(&usage.reserved),
            "{usage:?} of {}",
            provider.live_bytes()
        );
        let most = self.most.saturating_add(usage.chunks * PAGE);
        assert!(usage.reserved <= most, "{usage:?} with {}", self.most);
        // What was reserved when the limit was set, and went back since, stays away.
        if let Some(limit) = arena.limit() {
            self.most = limit.max(usage.reserved.min(self.most));
        }
        if self.ops.len().is_multiple_of(8) {
            self.naive.check();
        }
    }
}

/// More than a chunk's header, with all alignment.
const HEADER: usize = 3 * 4096;
/// More than any program asks for in earnest.
const MUCH: usize = 1 << 30;
const PAGE: usize = 4096;

/// Bytes that a block takes at most, wherever its chunk lies.
fn spread(layout: Layout) -> usize {
    layout.size() + layout.align()
}

fn at_least(layout: Layout, size: usize) -> Layout {
    Layout::from_size_align(layout.size().max(size), layout.align()).unwrap_or(layout)
}

/// An iterator that says what it likes about its length.
struct Hinted<I> {
    values: I,
    hint: usize,
}

impl<I: Iterator> Iterator for Hinted<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.values.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.hint, None)
    }
}
