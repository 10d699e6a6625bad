//! Providers made of two functions call them, wherever and however they are named, and nothing else.
#![expect(unsafe_code, reason = "makes providers of functions")]

use std::{alloc::Layout as Shape, cell::RefCell, collections::HashMap, ptr, ptr::NonNull};

use flagstone::{
    AllocErrorKind, Arena, FixedPool, GrowingPool, OutOfMemory, PoolConfig,
    pool::{Intrusive, NoHooks},
    provider::{Chunk, Global, Provider, Verified},
};
use flagstone_testkit::{
    fuse::{Fuse, blows},
    leaked::forever,
    provider::Counting,
};

fn global_alloc(shape: Shape) -> *mut u8 {
    let chunk = Global.alloc(shape);
    chunk.map_or(ptr::null_mut(), |chunk| chunk.ptr.cast().as_ptr())
}

/// # Safety
///
/// `ptr` came from `global_alloc` for this shape.
unsafe fn global_free(ptr: *mut u8, shape: Shape) {
    let ptr = NonNull::new(ptr).expect("a chunk");
    // SAFETY: the caller's promise.
    unsafe { Global.free(ptr, shape) }
}

/// Chunks that are out, and how the next ones are to be wrong.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    out: RefCell<HashMap<usize, Shape>>,
    null: RefCell<Fuse>,
    misaligned: RefCell<Fuse>,
    panics: Fuse,
}

impl Ledger {
    fn live(&self) -> usize {
        self.out.borrow().len()
    }

    fn alloc(&self, shape: Shape) -> *mut u8 {
        self.panics.tick();
        if blows(|| self.null.borrow().tick()) {
            return ptr::null_mut();
        }
        // Room for an address that is one off.
        let off = usize::from(blows(|| self.misaligned.borrow().tick()));
        let whole = Self::whole(shape);
        let start = global_alloc(whole);
        // SAFETY: there is at least one byte more than asked for.
        let ptr = unsafe { start.add(off) };
        let before = self.out.borrow_mut().insert(ptr.addr(), shape);
        assert_eq!(before, None);
        ptr
    }

    fn whole(shape: Shape) -> Shape {
        Shape::from_size_align(shape.size() + 1, shape.align()).expect("a layout")
    }

    /// # Safety
    ///
    /// `ptr` came from `alloc` for this shape.
    unsafe fn free(&self, ptr: *mut u8, shape: Shape) {
        let given = self.out.borrow_mut().remove(&ptr.addr());
        assert_eq!(given, Some(shape), "freed as it was not allocated");
        let off = ptr.addr() % shape.align().max(2);
        // SAFETY: by as much as `alloc` went forward.
        let start = unsafe { ptr.sub(if shape.align() == 1 { 0 } else { off }) };
        // SAFETY: as it was allocated.
        unsafe { global_free(start, Self::whole(shape)) }
    }
}

flagstone::function_provider! {
    /// Chunks that a ledger of the test's own knows.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Audited(&'static Ledger);

    // SAFETY: memory of the global allocator that does not depend on the ledger's values.
    unsafe {
        alloc: |ledger, shape| ledger.alloc(shape),
        // SAFETY: given by the line above, as the macro promises.
        free: |ledger, ptr, shape| unsafe { ledger.free(ptr, shape) },
    }
}

fn ledger() -> &'static Ledger {
    forever(Ledger::default())
}

/// Each value of a type with a field has its own; a null pointer and a misaligned one are refusals by
/// name, the latter given back.
#[test]
fn a_context_goes_to_its_functions() {
    let (here, there) = (ledger(), ledger());
    let pool = GrowingPool::new_in(10, Audited(here));
    let arena = Arena::<_, 8>::new_in(Audited(there));
    assert_eq!((*pool.alloc(1).expect("a slot"), *arena.alloc(2)), (1, 2));
    assert!(here.live() > 0 && there.live() == 1);

    let config = PoolConfig::<u64>::builder()
        .capacity(10)
        .build()
        .expect("valid");
    here.null.borrow().set(1);
    let build =
        |config| FixedPool::with_parts(config, Intrusive::default(), NoHooks, Audited(here));
    let refused = build(config).err().and_then(|error| error.out_of_memory());
    assert_eq!(
        refused.map(|refused| refused.is_wrong_answer()),
        Some(false)
    );
    let before = here.live();
    here.misaligned.borrow().set(1);
    let config = PoolConfig::<u64>::builder()
        .capacity(10)
        .build()
        .expect("valid");
    let refused = build(config).err().and_then(|error| error.out_of_memory());
    assert_eq!(refused.map(|refused| refused.is_wrong_answer()), Some(true));
    assert_eq!(here.live(), before, "a misaligned chunk was kept");

    let small = FixedPool::new_in(1, Audited(here));
    let first = small.alloc("first").expect("a slot");
    let refused = small.alloc("second").expect_err("full");
    assert_eq!(refused.kind(), AllocErrorKind::Exhausted);
    drop(first);
    drop((pool, arena, small));
    assert_eq!((here.live(), there.live()), (0, 0));
}

/// Where everything that the macros name means something else.
mod hostile {
    #![expect(dead_code, reason = "only to be in the way")]

    pub(super) mod core {}
    pub(super) mod std {}
    pub(super) mod flagstone {}
    pub(super) struct Layout;
    pub(super) struct Chunk;
    pub(super) struct NonNull;
    pub(super) struct Result;
    pub(super) struct Provider;
    pub(super) struct OutOfMemory;
    pub(super) const ALLOC: fn(::std::alloc::Layout) -> *mut u8 = alloc;

    pub(super) fn alloc(layout: ::std::alloc::Layout) -> *mut u8 {
        super::global_alloc(layout)
    }

    pub(super) unsafe fn free(ptr: *mut u8, layout: ::std::alloc::Layout) {
        // SAFETY: as it was allocated.
        unsafe { super::global_free(ptr, layout) }
    }

    ::flagstone::function_provider! {
        #[derive(Debug)]
        pub(super) struct ByName;
        // SAFETY: the global allocator.
        unsafe { alloc: alloc, free: free }
    }

    ::flagstone::function_provider! {
        #[derive(Debug)]
        pub(super) struct ByPath;
        // SAFETY: the global allocator.
        unsafe { alloc: self::ALLOC, free: crate::function_providers::hostile::free }
    }

    ::flagstone::link_provider! {
        #[derive(Debug)]
        pub(super) struct ByLink;
        // SAFETY: defined below.
        unsafe { alloc: "promises_hostile_alloc", free: "promises_hostile_free" }
    }

    ::flagstone::supply_provider! {
        // SAFETY: the global allocator.
        unsafe {
            alloc: "promises_hostile_alloc" = alloc,
            free: "promises_hostile_free" = free,
        }
    }
}

/// Asks for a chunk, writes all of it, and gives it back.
fn works<P: Provider>(provider: P) {
    let provider = Counting::new(Verified(provider));
    for (size, align) in [(1, 1), (24, 8), (5000, 4096)] {
        let shape = Shape::from_size_align(size, align).expect("a layout");
        let chunk = provider.alloc(shape).expect("memory");
        // SAFETY: the chunk is ours, of this size.
        unsafe { chunk.ptr.cast::<u8>().write_bytes(7, size) };
        // SAFETY: given for this layout.
        unsafe { provider.free(chunk.ptr.cast(), shape) };
    }
}

#[test]
fn functions_are_found_by_name_path_and_symbol() {
    works(hostile::ByName);
    works(hostile::ByPath);
    works(hostile::ByLink);
    assert_eq!(size_of::<hostile::ByLink>(), 0);
}

thread_local! {
    static LINKED: &'static Ledger = ledger();
}

/// # Safety
///
/// As for `Ledger::free`.
unsafe fn linked_free(ptr: *mut u8, shape: Shape) {
    // SAFETY: the caller's promise.
    LINKED.with(|ledger| unsafe { ledger.free(ptr, shape) });
}

flagstone::link_provider! {
    /// What this binary supplies below.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Linked;
    // SAFETY: defined below.
    unsafe {
        alloc: "promises_linked_alloc",
        free: "promises_linked_free",
    }
}

flagstone::supply_provider! {
    // SAFETY: memory of the global allocator.
    unsafe {
        alloc: "promises_linked_alloc" = |shape| LINKED.with(|ledger| ledger.alloc(shape)),
        free: "promises_linked_free" = linked_free,
    }
}

/// What goes through the linker is as good: null is a refusal that loses nothing, a wrong address is
/// found, a panic comes through.
#[test]
fn symbols_are_functions_like_others() {
    let ledger = LINKED.with(|ledger| *ledger);
    let pool = GrowingPool::<_, NoHooks, _>::new_in(0, Linked);
    ledger.null.borrow().set(1);
    let refused = pool.alloc("kept".to_owned()).expect_err("no memory");
    assert_eq!(refused.kind(), AllocErrorKind::OutOfMemory);
    assert_eq!(refused.into_inner(), "kept");
    ledger.misaligned.borrow().set(1);
    let refused = pool.alloc("kept".to_owned()).expect_err("a wrong answer");
    assert_eq!(refused.into_inner(), "kept");
    ledger.panics.set(1);
    assert!(blows(|| drop(pool.alloc("gone".to_owned()))));
    let handle = pool.alloc("here".to_owned()).expect("memory");
    assert_eq!(*handle, "here");
    drop(handle);
    drop(pool);
    assert_eq!(ledger.live(), 0);
}

/// A layout that is none, which only C can ask for.
#[test]
fn absurd_questions_of_the_linker_have_an_answer() {
    unsafe extern "C-unwind" {
        fn promises_linked_alloc(size: usize, align: usize) -> *mut u8;
    }
    for (size, align) in [(8, 3), (8, 0), (usize::MAX, 8)] {
        // SAFETY: the function defined above, which answers any question.
        assert!(unsafe { promises_linked_alloc(size, align) }.is_null());
    }
}

#[test]
fn a_pointer_is_a_chunk_unless_it_is_null() {
    let shape = Shape::new::<u64>();
    assert_eq!(
        Chunk::from_raw(ptr::null_mut(), shape).err(),
        Some(OutOfMemory::new(shape))
    );
    let chunk = Chunk::from_raw(ptr::dangling_mut::<u64>().cast(), shape).expect("not null");
    assert_eq!((chunk.ptr.len(), chunk.zeroed), (8, false));
}
