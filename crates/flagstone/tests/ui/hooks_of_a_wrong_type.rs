//! The functions of a provider have the right types.

fn alloc(bytes: usize) -> *mut u8 {
    core::ptr::without_provenance_mut(bytes)
}

fn free(_ptr: *mut u8, _layout: core::alloc::Layout) {}

flagstone::function_provider! {
    pub struct Wrong;
    unsafe { alloc: alloc, free: free }
}

fn main() {}
