//! The functions that the program would call without the recorder.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::sys;
use crate::unwind::Found;

/// Pointers to C strings, the last one null: arguments or an environment.
pub(crate) type Strings = *const *const c_char;

/// One looked-up function; null until then.
pub(crate) struct Real(AtomicPtr<c_void>);

impl Real {
    const fn unknown() -> Self {
        Self(AtomicPtr::new(core::ptr::null_mut()))
    }

    /// The function's address; looks all functions up with the first call.
    ///
    /// `None` while another call of this process is looking them up, or when there is none.
    #[inline]
    fn get(&self) -> Option<*mut c_void> {
        // Acquire: pairs with the Release store in `resolve`.
        let function = self.0.load(Ordering::Acquire);
        if function.is_null() {
            self.get_slowly()
        } else {
            Some(function)
        }
    }

    #[cold]
    fn get_slowly(&self) -> Option<*mut c_void> {
        resolve();
        let function = self.0.load(Ordering::Acquire);
        (!function.is_null()).then_some(function)
    }
}

/// Declares a static for each function and a way to get it with its C type.
macro_rules! functions {
    ($($name:ident, $symbol:literal, fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        struct Functions { $($name: Real),* }

        static FUNCTIONS: Functions = Functions { $($name: Real::unknown()),* };

        $(
            #[doc = concat!("The real function `", stringify!($name), "`.")]
            #[inline]
            pub(crate) fn $name() -> Option<unsafe extern "C" fn($($argument),*) $(-> $result)?> {
                // SAFETY: the address is that of the C library's function of this name, whose
                // type the C standard or the manual page fixes to the one written here.
                FUNCTIONS.$name.get().map(|function| unsafe {
                    transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(
                        function,
                    )
                })
            }
        )*

        fn all() -> impl Iterator<Item = (&'static Real, &'static CStr)> {
            [$((&FUNCTIONS.$name, $symbol)),*].into_iter()
        }
    };
}

functions! {
    malloc, c"malloc", fn(usize) -> *mut c_void;
    calloc, c"calloc", fn(usize, usize) -> *mut c_void;
    realloc, c"realloc", fn(*mut c_void, usize) -> *mut c_void;
    free, c"free", fn(*mut c_void);
    posix_memalign, c"posix_memalign", fn(*mut *mut c_void, usize, usize) -> c_int;
    aligned_alloc, c"aligned_alloc", fn(usize, usize) -> *mut c_void;
    memalign, c"memalign", fn(usize, usize) -> *mut c_void;
    valloc, c"valloc", fn(usize) -> *mut c_void;
    pvalloc, c"pvalloc", fn(usize) -> *mut c_void;
    malloc_usable_size, c"malloc_usable_size", fn(*mut c_void) -> usize;
    find_object, c"_dl_find_object", fn(*mut c_void, *mut Found) -> c_int;
    execve, c"execve", fn(*const c_char, Strings, Strings) -> c_int;
    execvpe, c"execvpe", fn(*const c_char, Strings, Strings) -> c_int;
    fexecve, c"fexecve", fn(c_int, Strings, Strings) -> c_int;
    execveat, c"execveat", fn(c_int, *const c_char, Strings, Strings, c_int) -> c_int;
    posix_spawn, c"posix_spawn",
        fn(*mut c_int, *const c_char, *const c_void, *const c_void, Strings, Strings) -> c_int;
    posix_spawnp, c"posix_spawnp",
        fn(*mut c_int, *const c_char, *const c_void, *const c_void, Strings, Strings) -> c_int;
}

const UNKNOWN: u32 = 0;
const LOOKING: u32 = 1;

/// Looks all functions up, once in a process.
#[cold]
fn resolve() {
    static STATE: AtomicU32 = AtomicU32::new(UNKNOWN);
    // Relaxed: it only elects the caller that does it; the addresses carry their own ordering.
    let elected = STATE
        .compare_exchange(UNKNOWN, LOOKING, Ordering::Relaxed, Ordering::Relaxed)
        .is_ok();
    if elected {
        for (real, symbol) in all() {
            // SAFETY: the name is a C string and RTLD_NEXT a handle that dlsym knows.
            let function = unsafe { sys::dlsym(sys::RTLD_NEXT, symbol.as_ptr()) };
            // Release: pairs with the Acquire load in `get`.
            real.0.store(function, Ordering::Release);
        }
    }
}
