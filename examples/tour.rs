//! A first tour of the library: `cargo run --example tour`.
#![expect(
    unsafe_code,
    reason = "a pointer that was given up is taken back with `from_raw`"
)]

use std::{error::Error, mem::MaybeUninit, pin::Pin};

use flagstone::{
    AllocError, BufferPool, FixedPool, GrowingPool, OwnedHandle, RecyclePool,
    index::Bitmap,
    pool::{Checked, FnRecycle, Indexed, Intrusive},
    provider::ByteRegion,
};

fn main() -> Result<(), Box<dyn Error>> {
    fixed_pool()?;
    exhaustion();
    strategies()?;
    growing_pool();
    handles()?;
    vacant_slots()?;
    recycled_objects()?;
    buffers()?;
    memory_on_the_stack()?;
    Ok(())
}

fn heading(text: &str) {
    println!("\n{text}\n{}", "─".repeat(text.chars().count()));
}

/// A particle: plain data of 24 bytes.
#[derive(Debug, Default)]
struct Particle {
    place: [f32; 3],
    speed: [f32; 3],
}

fn fixed_pool() -> Result<(), AllocError<Particle>> {
    heading("A fixed pool: one allocation, constant time");
    let pool = FixedPool::new(1000);
    let mut particle = pool.alloc(Particle::default())?;
    particle.speed[0] = 2.5;
    particle.place[0] += particle.speed[0];
    println!("{particle:?}");
    println!("{pool:?} while the handle lives");
    drop(particle);
    println!("{pool:?} after it was dropped");
    Ok(())
}

fn exhaustion() {
    heading("A full pool gives the value back");
    let pool = FixedPool::new(1);
    let kept = pool.alloc(String::from("the first"));
    match pool.alloc(String::from("the second")) {
        Ok(_) => println!("there was room"),
        Err(error) => {
            println!("error: {error}");
            println!("and the value is still here: {:?}", error.into_inner());
        }
    }
    drop(kept);
}

fn strategies() -> Result<(), Box<dyn Error>> {
    heading("Strategies: how a fixed pool knows its free slots");
    let intrusive = FixedPool::<u8, Intrusive>::with_strategy(100)?;
    println!("Intrusive            reuses slot {}", reused(&intrusive));
    let lowest = FixedPool::<u8, Indexed<Bitmap>>::with_strategy(100)?;
    println!("Indexed<Bitmap>      reuses slot {}", reused(&lowest));

    let checked = FixedPool::<u8, Checked<Intrusive>>::with_strategy(100)?;
    let number = checked
        .into_index(checked.alloc(7)?)
        .map_err(|_| "the handle is of this pool")?;
    // SAFETY: the handle was given up for its number, so the slot holds a value and has no handle.
    drop(unsafe { checked.from_index(number) }?);
    // SAFETY: the slot is free, which is checked.
    let second = unsafe { checked.from_index(number) };
    if let Err(error) = second {
        println!("Checked<Intrusive>   refuses a second free: {error}");
    }
    Ok(())
}

/// Frees slots 1 and 3 of five, in this order, and says which one is used next.
fn reused<S: flagstone::pool::Strategy>(pool: &FixedPool<u8, S>) -> usize {
    let mut handles: Vec<_> = (0..5).flat_map(|n| pool.alloc(n)).collect();
    let three = handles.remove(3);
    drop(handles.remove(1));
    drop(three);
    let next = pool.alloc(9).ok();
    next.and_then(|handle| pool.index_of(&handle)).unwrap_or(0)
}

fn growing_pool() {
    heading("A growing pool: slabs come and go, handles are one word");
    let pool = GrowingPool::<[u64; 8]>::new(1000);
    println!(
        "{:20} {:>8} {:>8} {:>6} {:>14}",
        "", "in use", "slots", "slabs", "fragmentation"
    );
    let show = |when: &str| {
        println!(
            "{when:20} {:>8} {:>8} {:>6} {:>12.0} %",
            pool.in_use(),
            pool.capacity(),
            pool.slabs(),
            pool.fragmentation() * 100.0
        );
    };
    show("new(1000)");
    let mut handles: Vec<_> = (0..20_000).flat_map(|n| pool.alloc([n; 8])).collect();
    show("20,000 values");
    handles.truncate(2_000);
    show("2,000 of them left");
    drop(handles);
    show("all dropped");
    pool.shrink_to_fit();
    show("shrink_to_fit()");

    let handle = pool.alloc([1; 8]);
    println!(
        "a handle takes {} bytes, one of a fixed pool {}",
        handle.as_ref().map_or(0, size_of_val),
        size_of::<flagstone::pool::FixedHandle<'_, [u64; 8]>>()
    );
}

fn handles() -> Result<(), AllocError<String>> {
    heading("Handles: own a value as Box does");
    let pool = FixedPool::new(4);

    let handle = pool.alloc(String::from("moved out"))?;
    let value: String = OwnedHandle::into_inner(handle);
    println!("into_inner: {value:?}, {} slots in use", pool.in_use());

    let pinned: Pin<_> = OwnedHandle::into_pin(pool.alloc(String::from("stays in its place"))?);
    println!("into_pin:   {:?}", pinned.as_str());

    let raw = OwnedHandle::into_raw(pool.alloc(String::from("there and back"))?);
    println!("into_raw:   {} slots in use, no handle", pool.in_use());
    // SAFETY: the pointer came from `into_raw` of this pool, and no handle was made of it since.
    let handle = unsafe { pool.from_raw(raw) };
    println!("from_raw:   {:?}", *handle);
    Ok(())
}

fn vacant_slots() -> Result<(), AllocError> {
    heading("Vacant handles: the slot first, the value later");
    let pool = FixedPool::<[u8; 4096]>::new(2);
    let slot = pool.alloc_uninit()?;
    println!("reserved: {} of {} slots", pool.in_use(), pool.capacity());
    let page = slot.write([0xF5; 4096]);
    println!("filled:   {} bytes of {:#x}", page.len(), page[0]);
    Ok(())
}

fn recycled_objects() -> Result<(), AllocError> {
    heading("A recycling pool: objects stay constructed");
    let recycle = FnRecycle::new(
        || {
            println!("made");
            Vec::with_capacity(64)
        },
        |list: &mut Vec<u8>| list.clear(),
    );
    let pool = RecyclePool::new(2, recycle);
    for round in 1..=3 {
        let mut list = pool.acquire()?;
        println!(
            "round {round}: {} bytes, room for {}",
            list.len(),
            list.capacity()
        );
        list.extend_from_slice(b"left behind");
    }
    println!("{pool:?}");
    Ok(())
}

fn buffers() -> Result<(), AllocError> {
    heading("Buffers: what was written is a slice");
    let pool = BufferPool::<u16>::new(4, 2);
    let mut buffer = pool.alloc()?;
    buffer.extend([1, 2, 3]);
    let rest = buffer.extend_from_slice(&[4, 5, 6]);
    println!(
        "{buffer:?} holds {} of {}, no room for {rest:?}",
        buffer.len(),
        buffer.capacity()
    );
    println!("as bytes: {:?}", buffer.as_bytes());
    Ok(())
}

fn memory_on_the_stack() -> Result<(), Box<dyn Error>> {
    heading("A provider: this pool stands on an array");
    let mut memory = [MaybeUninit::uninit(); 1024];
    let region = ByteRegion::new(&mut memory);
    let pool = FixedPool::try_new_in(100, &region)?;
    let answer = pool.alloc(42_u64)?;
    println!("{} in {pool:?}, of {} bytes", *answer, region.len());
    match FixedPool::<u64, _, _, _>::try_new_in(100, &region) {
        Ok(_) => println!("there was room for another one"),
        Err(error) => println!("another one: {error}"),
    }
    Ok(())
}
