//! A provider of functions is a promise, which `unsafe` says.

fn alloc(_layout: core::alloc::Layout) -> *mut u8 {
    core::ptr::null_mut()
}

fn free(_ptr: *mut u8, _layout: core::alloc::Layout) {}

flagstone::function_provider! {
    pub struct Unsaid;
    { alloc: alloc, free: free }
}

fn main() {}
