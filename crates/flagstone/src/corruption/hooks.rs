//! What sanitizers and valgrind are told about slots and slabs.
//!
//! The order at the call sites: a slot's bytes are made reachable *before* the library reads its
//! free-list link, and unreachable *after* it wrote the link. So a tool sees even the link as
//! poisoned while the slot is free.
#![cfg_attr(
    any(flagstone_asan, all(flagstone_valgrind, target_arch = "x86_64")),
    expect(
        unsafe_code,
        reason = "calls the sanitizers' C interface and valgrind's client requests"
    )
)]
#![cfg_attr(
    not(all(flagstone_valgrind, target_arch = "x86_64")),
    expect(unused_variables, reason = "only valgrind is told everything")
)]

use core::ptr::NonNull;

#[cfg(flagstone_asan)]
unsafe extern "C" {
    fn __asan_poison_memory_region(address: *const u8, size: usize);
    fn __asan_unpoison_memory_region(address: *const u8, size: usize);
    fn __lsan_register_root_region(address: *const u8, size: usize);
    fn __lsan_unregister_root_region(address: *const u8, size: usize);
}

/// A run of slots starts to exist; none of them is in use.
#[inline(always)]
pub(crate) fn run_mapped(start: NonNull<u8>, size: usize) {
    #[cfg(flagstone_asan)]
    if size > 0 {
        // SAFETY: the run is memory this library owns; the call only changes shadow memory.
        unsafe { __asan_poison_memory_region(start.as_ptr(), size) };
        // SAFETY: as above; it is unregistered in `run_unmapped` before the memory goes.
        unsafe { __lsan_register_root_region(start.as_ptr(), size) };
    }
    #[cfg(all(flagstone_valgrind, target_arch = "x86_64"))]
    valgrind::request(valgrind::MAKE_MEM_NOACCESS, start.as_ptr().addr(), size, 0);
}

/// A run of slots is about to be given back to its provider.
#[inline(always)]
pub(crate) fn run_unmapped(start: NonNull<u8>, size: usize) {
    #[cfg(flagstone_asan)]
    if size > 0 {
        // SAFETY: the run is memory this library owns; the call only changes shadow memory.
        unsafe { __asan_unpoison_memory_region(start.as_ptr(), size) };
        // SAFETY: registered in `run_mapped` with the same bounds.
        unsafe { __lsan_unregister_root_region(start.as_ptr(), size) };
    }
    #[cfg(all(flagstone_valgrind, target_arch = "x86_64"))]
    valgrind::request(valgrind::MAKE_MEM_UNDEFINED, start.as_ptr().addr(), size, 0);
}

/// The library is about to read or write the bytes of a free slot.
#[inline(always)]
pub(crate) fn slot_opened(slot: NonNull<u8>, size: usize) {
    #[cfg(flagstone_asan)]
    // SAFETY: the slot is memory this library owns; the call only changes shadow memory.
    unsafe {
        __asan_unpoison_memory_region(slot.as_ptr(), size);
    }
    #[cfg(all(flagstone_valgrind, target_arch = "x86_64"))]
    valgrind::request(valgrind::MAKE_MEM_DEFINED, slot.as_ptr().addr(), size, 0);
}

/// The slot is handed out: its contents are nobody's yet.
#[inline(always)]
pub(crate) fn slot_taken(slot: NonNull<u8>, size: usize) {
    #[cfg(all(flagstone_valgrind, target_arch = "x86_64"))]
    {
        valgrind::request(valgrind::MALLOCLIKE_BLOCK, slot.as_ptr().addr(), size, 0);
    }
}

/// The slot was given back and the library is done with it.
#[inline(always)]
pub(crate) fn slot_put(slot: NonNull<u8>, size: usize) {
    #[cfg(all(flagstone_valgrind, target_arch = "x86_64"))]
    {
        valgrind::request(valgrind::FREELIKE_BLOCK, slot.as_ptr().addr(), 0, 0);
    }
    slot_closed(slot, size);
}

/// The library is done looking at a free slot.
#[inline(always)]
pub(crate) fn slot_closed(slot: NonNull<u8>, size: usize) {
    #[cfg(flagstone_asan)]
    // SAFETY: the slot is memory this library owns; the call only changes shadow memory.
    unsafe {
        __asan_poison_memory_region(slot.as_ptr(), size);
    }
    #[cfg(all(flagstone_valgrind, target_arch = "x86_64"))]
    valgrind::request(valgrind::MAKE_MEM_NOACCESS, slot.as_ptr().addr(), size, 0);
}

/// An arena hands out `size` bytes: their contents are nobody's yet.
#[inline(always)]
pub(crate) fn block_taken(block: NonNull<u8>, size: usize) {
    #[cfg(flagstone_asan)]
    // SAFETY: memory this library owns; the call only changes shadow memory.
    unsafe {
        __asan_unpoison_memory_region(block.as_ptr(), size);
    }
    #[cfg(all(flagstone_valgrind, target_arch = "x86_64"))]
    valgrind::request(valgrind::MAKE_MEM_UNDEFINED, block.as_ptr().addr(), size, 0);
}

/// A block of an arena has another size now; its first bytes stay as they are.
#[inline(always)]
pub(crate) fn block_resized(block: NonNull<u8>, old: usize, new: usize) {
    #[cfg(any(flagstone_asan, flagstone_valgrind))]
    if new > old {
        block_taken(block.map_addr(|at| at.saturating_add(old)), new - old);
    } else {
        block_returned(block.map_addr(|at| at.saturating_add(new)), old - new);
    }
}

/// Bytes of an arena were given back.
#[inline(always)]
pub(crate) fn block_returned(block: NonNull<u8>, size: usize) {
    slot_closed(block, size);
}

/// Valgrind's client requests (its manual, "The Client Request mechanism"): a sequence of rotations
/// that does nothing on a processor and is recognised by the simulator.
#[cfg(all(flagstone_valgrind, target_arch = "x86_64"))]
mod valgrind {
    pub(super) const MALLOCLIKE_BLOCK: usize = 0x1301;
    pub(super) const FREELIKE_BLOCK: usize = 0x1302;
    const MEMCHECK: usize = (b'M' as usize) << 24 | (b'C' as usize) << 16;
    pub(super) const MAKE_MEM_NOACCESS: usize = MEMCHECK;
    pub(super) const MAKE_MEM_UNDEFINED: usize = MEMCHECK + 1;
    pub(super) const MAKE_MEM_DEFINED: usize = MEMCHECK + 2;

    #[inline(always)]
    pub(super) fn request(code: usize, a: usize, b: usize, c: usize) {
        let arguments = [code, a, b, c, 0, 0];
        let _answer: usize;
        // SAFETY: outside valgrind the four rotations of rdi add up to 128 bits, which is none, and
        // rbx is exchanged with itself; inside, the tool reads `arguments`, which lives on.
        unsafe {
            core::arch::asm!(
                "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") arguments.as_ptr(),
                inout("rdx") 0_usize => _answer,
                options(nostack),
            );
        }
    }
}
