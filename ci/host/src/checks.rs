//! What the program does with its pools.

use core::{alloc::Layout, cell::Cell, mem::MaybeUninit, ptr};

use flagstone::{
    AllocErrorKind, Arena, BufferPool, FixedPool, GrowingPool, RecyclePool, SyncArena,
    arena::LockArena,
    pool::FnRecycle,
    provider::{ByteRegion, Provider, StaticRegion},
    sync::SpinLock,
};

static MEMORY: StaticRegion<4096> = StaticRegion::new();

type Region = &'static StaticRegion<8192>;
static ARENA_MEMORY: StaticRegion<8192> = StaticRegion::new();
static LOCKED: LockArena<SpinLock, Region> = LockArena::new_in(&ARENA_MEMORY);
static SHARED: SyncArena<Region> = SyncArena::new_in(&ARENA_MEMORY);

/// Counts the destructors that ran.
#[derive(Debug)]
struct Counted<'a>(&'a Cell<usize>);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Fills a fixed pool, is refused one more, and gets the slots and their memory back.
pub fn fixed_pool_in_a_static() {
    let dropped = Cell::new(0);
    let pool = FixedPool::new_in(8, &MEMORY);
    let held = [(); 8].map(|()| pool.alloc(Counted(&dropped)).ok());
    assert!(held.iter().all(Option::is_some));
    let refused = pool
        .alloc(Counted(&dropped))
        .expect_err("the ninth of eight");
    assert_eq!(refused.kind(), AllocErrorKind::Exhausted);
    drop(refused);
    drop(held);
    assert_eq!((dropped.get(), pool.in_use()), (9, 0));
    drop(pool);
    // Only if the first pool's chunk came back is there room for one of the whole region.
    let whole = FixedPool::<[u8; 64], _, _, _>::new_in(4096 / 64 - 2, &MEMORY);
    assert!(whole.alloc([7; 64]).is_ok());
}

/// Grows until the lent bytes are used up, and keeps every value.
pub fn growing_pool_in_lent_bytes() {
    let mut memory = [MaybeUninit::uninit(); 1 << 18];
    let region = ByteRegion::new(&mut memory);
    let pool = GrowingPool::new_in(0, &region);
    let mut held = [const { None }; 1024];
    let mut count = 0;
    for (number, place) in held.iter_mut().enumerate() {
        match pool.alloc([number; 64]) {
            Ok(handle) => *place = Some(handle),
            Err(refused) => {
                assert_eq!(refused.kind(), AllocErrorKind::OutOfMemory);
                assert_eq!(refused.into_inner(), [number; 64]);
                break;
            }
        }
        count += 1;
    }
    assert!(count > 0 && count < held.len());
    assert_eq!(pool.in_use(), count);
    for (number, handle) in held.iter().flatten().enumerate() {
        assert_eq!(**handle, [number; 64]);
    }
}

/// Fills lent bytes, is refused, resets, and has the same room again; a scope gives its own back.
pub fn arena_in_lent_bytes() {
    let mut memory = [MaybeUninit::uninit(); 1024];
    let mut arena = Arena::from_bytes(&mut memory);
    let mut counts = [0; 3];
    for count in &mut counts {
        while arena.try_alloc(*count).is_ok() {
            *count += 1;
        }
        arena.reset();
    }
    assert!(counts[0] > 50 && counts == [counts[0]; 3]);
    let kept = arena.alloc_str("kept");
    let sum = arena.scoped(|scope| scope.alloc_slice_iter(1..=100).iter().sum::<u32>());
    assert_eq!((sum, &*kept), (5050, "kept"));
    assert_eq!(arena.usage().allocated, 8);
}

/// Both shared arenas live in statics and hand out memory of one static region.
pub fn shared_arenas_in_statics() {
    let name = LOCKED.alloc_fmt(format_args!("{} and {}", 1, 2));
    let local = SHARED.local();
    let numbers = local.alloc_slice_fill_with(10, |n| n);
    assert_eq!((&*name, numbers.len()), ("1 and 2", 10));
    let refused = LOCKED
        .try_alloc_bytes(8192)
        .expect_err("more than there is");
    assert_eq!(refused.kind(), AllocErrorKind::OutOfMemory);
}

/// Recycles an object and fills a buffer, both in bytes on the stack.
pub fn objects_and_buffers_in_lent_bytes() {
    let mut memory = [MaybeUninit::uninit(); 4096];
    let region = ByteRegion::new(&mut memory);
    let made = Cell::new(0);
    let create = || {
        made.set(made.get() + 1);
        [0_u8; 32]
    };
    let objects = RecyclePool::new_in(4, FnRecycle::new(create, |object| object[0] = 0), &region);
    for _ in 0..10 {
        let mut object = objects.acquire().expect("one of four");
        assert_eq!(object[0], 0);
        object[0] = 7;
    }
    assert_eq!((made.get(), objects.idle()), (1, 1));

    let buffers = BufferPool::<u16, _>::new_in(8, 4, &region);
    let mut buffer = buffers.alloc().expect("one of four");
    assert_eq!(buffer.extend_from_slice(&[3; 9]), [3]);
    assert_eq!(buffer.as_bytes().len(), 16);
}

static KERNEL: StaticRegion<8192> = StaticRegion::new();

/// What a kernel has: null when there is no memory.
fn kernel_alloc(layout: Layout) -> *mut u8 {
    (&KERNEL)
        .alloc(layout)
        .map_or(ptr::null_mut(), |chunk| chunk.ptr.cast().as_ptr())
}

/// Takes back what `kernel_alloc` gave.
unsafe fn kernel_free(chunk: *mut u8, layout: Layout) {
    if let Some(chunk) = ptr::NonNull::new(chunk) {
        // SAFETY: the caller's promise.
        unsafe { (&KERNEL).free(chunk, layout) }
    }
}

flagstone::function_provider! {
    struct Kernel;

    // SAFETY: chunks of the region, for this layout.
    unsafe { alloc: kernel_alloc, free: kernel_free }
}

flagstone::link_provider! {
    struct Linked;

    // SAFETY: the symbols below.
    unsafe { alloc: "host_alloc", free: "host_free" }
}

flagstone::supply_provider! {
    // SAFETY: chunks of the region, for this layout.
    unsafe {
        alloc: "host_alloc" = kernel_alloc,
        free: "host_free" = kernel_free,
    }
}

/// Two pools on a kernel's functions, one of which only the linker knows.
pub fn pools_on_functions() {
    let named = FixedPool::<[u8; 64], _, _, _>::new_in(30, Kernel);
    let linked = FixedPool::<[u8; 64], _, _, _>::new_in(30, Linked);
    let (here, there) = (named.alloc([1; 64]), linked.alloc([2; 64]));
    assert!(here.is_ok_and(|value| value[63] == 1));
    assert!(there.is_ok_and(|value| value[63] == 2));
    assert!(FixedPool::<[u8; 8192], _, _, _>::try_new_in(1, Linked).is_err());
    drop((named, linked));
    assert!(FixedPool::<[u8; 8000], _, _, _>::try_new_in(1, Kernel).is_ok());
}
