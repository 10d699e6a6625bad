//! The names under which glibc has the same functions once more.
//!
//! A program that defines a `malloc` of its own, to count or to check, usually goes on to `__libc_malloc`,
//! and its `free` to `__libc_free`. Whatever else the program was given, by the functions of the family
//! that it does not define, comes to that `__libc_free`, too; so all names must lead to one heap.

use core::ffi::c_void;

use crate::family;

/// Defines functions that do what others of the family do.
macro_rules! names {
    ($($name:ident is $function:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {$(
        #[doc = concat!("[`", stringify!($function), "`](family::", stringify!($function), ").")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $type),*) $(-> $result)? {
            // SAFETY: the caller's promise.
            unsafe { family::$function($($argument),*) }
        }
    )*};
}

names! {
    __libc_malloc is malloc(size: usize) -> *mut c_void;
    __libc_calloc is calloc(count: usize, size: usize) -> *mut c_void;
    __libc_realloc is realloc(block: *mut c_void, size: usize) -> *mut c_void;
    __libc_reallocarray is reallocarray(block: *mut c_void, count: usize, size: usize) -> *mut c_void;
    __libc_free is free(block: *mut c_void);
    __libc_memalign is memalign(align: usize, size: usize) -> *mut c_void;
    __libc_valloc is valloc(size: usize) -> *mut c_void;
    __libc_pvalloc is pvalloc(size: usize) -> *mut c_void;
}
