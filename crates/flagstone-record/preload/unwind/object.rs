//! Which module an address is in, asked of the loader.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::real;

/// A loaded module.
#[derive(Clone, Copy)]
pub(crate) struct Object {
    /// Its first address and the one behind its last.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// What is added to addresses of its file.
    pub(crate) bias: u64,
    /// Where its file is; empty for the program.
    pub(crate) path: Option<&'static CStr>,
    /// Address of its table of frame descriptions, or 0.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "frames are followed by their pointers there")
    )]
    pub(crate) frames: u64,
}

/// `struct dl_find_object` of glibc 2.35, for machines without a separate base of data.
#[repr(C)]
pub(crate) struct Found {
    flags: u64,
    map_start: *const c_void,
    map_end: *const c_void,
    link_map: *const LinkMap,
    eh_frame: *const c_void,
    reserved: [u64; 7],
}

/// The public beginning of `struct link_map`.
#[repr(C)]
struct LinkMap {
    bias: u64,
    name: *const c_char,
}

/// First address of this library and the one behind its last.
static OWN: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

/// Whether the C library can be asked (from 2.35 on).
pub(crate) fn set_up() -> bool {
    let Some(own) = object_at(set_up as fn() -> bool as usize as u64) else {
        return false;
    };
    // Relaxed: threads learn of the recording through `phase`, with its ordering.
    OWN[0].store(own.start, Ordering::Relaxed);
    OWN[1].store(own.end, Ordering::Relaxed);
    true
}

/// Whether `address` is inside the recorder.
#[inline]
pub(crate) fn is_own(address: u64) -> bool {
    let [start, end] = &OWN;
    (start.load(Ordering::Relaxed)..end.load(Ordering::Relaxed)).contains(&address)
}

/// The module at `address`. It takes no lock and may be called in a signal handler.
pub(crate) fn object_at(address: u64) -> Option<Object> {
    let find: unsafe extern "C" fn(*mut c_void, *mut Found) -> c_int = real::find_object()?;
    let mut found = Found {
        flags: 0,
        map_start: ptr::null(),
        map_end: ptr::null(),
        link_map: ptr::null(),
        eh_frame: ptr::null(),
        reserved: [0; 7],
    };
    // SAFETY: any address may be asked for, and `found` has the C library's layout.
    let missing = unsafe {
        find(
            ptr::without_provenance_mut(address as usize),
            &raw mut found,
        )
    };
    // SAFETY: the loader's description of a loaded module; modules stay loaded while one of their
    // functions waits for this call to return.
    let link_map = unsafe { found.link_map.as_ref() }.filter(|_| missing == 0)?;
    // SAFETY: a C string that lives as long as the module.
    let name = (!link_map.name.is_null()).then(|| unsafe { CStr::from_ptr(link_map.name) });
    Some(Object {
        start: found.map_start.addr() as u64,
        end: found.map_end.addr() as u64,
        bias: link_map.bias,
        path: name,
        frames: found.eh_frame.addr() as u64,
    })
}
