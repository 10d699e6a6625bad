//! The global allocator; the compiler refuses two.

#[cfg(feature = "flagstone")]
#[global_allocator]
pub(crate) static GLOBAL: flagstone::heap::Heap =
    flagstone::heap::Heap::with_options_from(ours::options);

#[cfg(feature = "flagstone")]
#[expect(
    unsafe_code,
    reason = "reads the environment before there is an allocator"
)]
mod ours {
    use std::ffi::CStr;

    use flagstone::heap::HeapOptions;

    /// The options that the environment asks for: words in `HEAP_OPTIONS`.
    pub(super) fn options() -> HeapOptions {
        // SAFETY: before the first allocation nobody changes the environment.
        let wanted = unsafe { libc::getenv(c"HEAP_OPTIONS".as_ptr()) };
        if wanted.is_null() {
            return HeapOptions::new();
        }
        // SAFETY: the environment's, which stays.
        let wanted = unsafe { CStr::from_ptr(wanted) }.to_bytes();
        let mut options = HeapOptions::new();
        for word in wanted.split(|&byte| byte == b',') {
            options = match word {
                b"checked" => options.checked(true),
                b"zero_on_free" => options.zero_on_free(true),
                b"quarantine" => options.quarantine(64 << 10),
                b"scattered" => options.scattered(true),
                b"guard_pages" => options.guard_pages(true),
                b"sampled" => options.sampled(1000),
                // For the table of misuses, which waits for such blocks.
                b"sampled_often" => options.sampled(1),
                _ => options,
            };
        }
        options
    }
}

#[cfg(feature = "jemalloc")]
#[global_allocator]
static GLOBAL: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(feature = "rusty_alloc")]
#[global_allocator]
static GLOBAL: rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;

#[cfg(feature = "snmalloc")]
#[global_allocator]
static GLOBAL: snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;
