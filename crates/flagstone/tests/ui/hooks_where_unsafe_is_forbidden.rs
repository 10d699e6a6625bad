//! Who forbids unsafe code makes no provider of functions.
#![forbid(unsafe_code)]

fn alloc(_layout: core::alloc::Layout) -> *mut u8 {
    core::ptr::null_mut()
}

fn free(_ptr: *mut u8, _layout: core::alloc::Layout) {}

flagstone::function_provider! {
    pub struct Forbidden;
    unsafe { alloc: alloc, free: free }
}

flagstone::link_provider! {
    pub struct ForbiddenToo;
    unsafe { alloc: "ui_alloc", free: "ui_free" }
}

flagstone::supply_provider! {
    unsafe { alloc: "ui_alloc" = alloc, free: "ui_free" = free }
}

fn main() {}
