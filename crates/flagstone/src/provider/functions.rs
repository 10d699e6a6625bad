//! Providers made of two functions, in the program or known to the linker only.

/// Defines a type whose chunks come from two functions of yours: a [`Provider`](crate::Provider)
/// for who has an allocator already, such as a kernel.
///
/// ```
/// use flagstone::{FixedPool, function_provider};
///
/// mod kernel {
///     use core::alloc::Layout;
///
///     /// Null when there is no memory.
///     pub fn alloc(layout: Layout) -> *mut u8 {
///         // SAFETY: pools ask for no zero bytes.
///         unsafe { std::alloc::alloc(layout) }
///     }
///
///     pub unsafe fn free(ptr: *mut u8, layout: Layout) {
///         // SAFETY: given by `alloc` for this layout.
///         unsafe { std::alloc::dealloc(ptr, layout) }
///     }
/// }
///
/// function_provider! {
///     /// The kernel's memory.
///     #[derive(Clone, Copy, Debug)]
///     pub struct KernelMemory;
///
///     // SAFETY: the kernel's chunks are exclusive, as large and aligned as asked, until freed.
///     unsafe {
///         alloc: kernel::alloc,
///         free: kernel::free,
///     }
/// }
///
/// assert_eq!(size_of::<KernelMemory>(), 0);
/// let pool = FixedPool::new_in(100, KernelMemory);
/// assert_eq!(*pool.alloc(7).unwrap(), 7);
/// ```
///
/// Both are expressions: names, paths, or closures that capture nothing. There may be as many such
/// types as there are allocators, and nothing has to be imported for them.
///
/// A type with a field hands it to both functions, by reference:
///
/// ```
/// use core::{alloc::Layout, sync::atomic::{AtomicUsize, Ordering}};
/// use flagstone::{GrowingPool, function_provider};
///
/// /// A part of memory with an account of its own.
/// #[derive(Default)]
/// pub struct Zone {
///     chunks: AtomicUsize,
/// }
///
/// impl Zone {
///     fn alloc(&self, layout: Layout) -> *mut u8 {
///         self.chunks.fetch_add(1, Ordering::Relaxed);
///         // SAFETY: pools ask for no zero bytes.
///         unsafe { std::alloc::alloc(layout) }
///     }
///
///     unsafe fn free(&self, ptr: *mut u8, layout: Layout) {
///         self.chunks.fetch_sub(1, Ordering::Relaxed);
///         // SAFETY: given by `alloc` for this layout.
///         unsafe { std::alloc::dealloc(ptr, layout) }
///     }
/// }
///
/// function_provider! {
///     /// Chunks of one zone.
///     pub struct InZone(&'static Zone);
///
///     // SAFETY: as above; a zone gives memory that does not depend on it.
///     unsafe {
///         alloc: |zone, layout| zone.alloc(layout),
///         free: |zone, ptr, layout| unsafe { zone.free(ptr, layout) },
///     }
/// }
///
/// static ZONE: Zone = Zone { chunks: AtomicUsize::new(0) };
/// let pool = GrowingPool::<u64, _, _>::new_in(100, InZone(&ZONE));
/// assert!(ZONE.chunks.load(Ordering::Relaxed) > 0);
/// drop(pool);
/// assert_eq!(ZONE.chunks.load(Ordering::Relaxed), 0);
/// ```
///
/// | function | has the type |
/// |---|---|
/// | `alloc` | `unsafe fn(Layout) -> *mut u8`, or a safe one; with a field of type `C` before it, `&C` |
/// | `free` | `unsafe fn(*mut u8, Layout)`, or a safe one; the same |
///
/// # Errors
///
/// A null pointer is [`OutOfMemory`](crate::OutOfMemory). One that is not aligned as asked is found
/// out by whatever asks: it goes back to `free`, and the error [says
/// so](crate::OutOfMemory::is_wrong_answer).
///
/// # Safety
///
/// The word `unsafe` in the call is the promise of [`Provider`](crate::Provider): memory from `alloc`
/// is valid for reads and writes, exclusive, and as large as asked, until it is given to `free` with
/// the same layout, whatever becomes of values of the new type. `alloc` may be called with any layout
/// that is not of 0 bytes, and `free` with what `alloc` gave. Where the type is shared by threads, so
/// are the functions. In a crate that forbids `unsafe_code` the call does not compile.
///
/// # Cost
///
/// A direct call. For more than chunks (other sizes, purging), implement `Provider`.
#[doc(alias = "define_allocation_hooks")]
#[macro_export]
macro_rules! function_provider {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident;
        unsafe { alloc: $alloc:expr, free: $free:expr $(,)? }
    ) => {
        $(#[$meta])*
        $visibility struct $name;

        // SAFETY: the promise of who wrote `unsafe` in the call of this macro.
        #[allow(unsafe_code, reason = "said in the call; an error where it is forbidden")]
        unsafe impl $crate::provider::Provider for $name {
            fn alloc(
                &self,
                layout: ::core::alloc::Layout,
            ) -> ::core::result::Result<$crate::provider::Chunk, $crate::OutOfMemory> {
                let alloc: unsafe fn(::core::alloc::Layout) -> *mut u8 = $alloc;
                // SAFETY: the promise of who wrote `unsafe` in the call of this macro.
                let chunk = unsafe { alloc(layout) };
                $crate::provider::Chunk::from_raw(chunk, layout)
            }

            unsafe fn free(&self, ptr: ::core::ptr::NonNull<u8>, layout: ::core::alloc::Layout) {
                let free: unsafe fn(*mut u8, ::core::alloc::Layout) = $free;
                // SAFETY: as above, for what `alloc` gave, by the caller's promise.
                unsafe { free(ptr.as_ptr(), layout) }
            }
        }
    };
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident($inside:vis $context:ty);
        unsafe { alloc: $alloc:expr, free: $free:expr $(,)? }
    ) => {
        $(#[$meta])*
        $visibility struct $name($inside $context);

        // SAFETY: the promise of who wrote `unsafe` in the call of this macro.
        #[allow(unsafe_code, reason = "said in the call; an error where it is forbidden")]
        unsafe impl $crate::provider::Provider for $name {
            fn alloc(
                &self,
                layout: ::core::alloc::Layout,
            ) -> ::core::result::Result<$crate::provider::Chunk, $crate::OutOfMemory> {
                let alloc: unsafe fn(&$context, ::core::alloc::Layout) -> *mut u8 = $alloc;
                // SAFETY: the promise of who wrote `unsafe` in the call of this macro.
                let chunk = unsafe { alloc(&self.0, layout) };
                $crate::provider::Chunk::from_raw(chunk, layout)
            }

            unsafe fn free(&self, ptr: ::core::ptr::NonNull<u8>, layout: ::core::alloc::Layout) {
                let free: unsafe fn(&$context, *mut u8, ::core::alloc::Layout) = $free;
                // SAFETY: as above, for what `alloc` gave, by the caller's promise.
                unsafe { free(&self.0, ptr.as_ptr(), layout) }
            }
        }
    };
}

/// Defines a provider for a library whose *program* has the memory: its two functions are symbols
/// that the linker finds there.
///
/// The program defines them with [`supply_provider!`](crate::supply_provider), or in C:
///
/// ```c
/// void *net_buffers_alloc(size_t size, size_t align);   // NULL when there is none
/// void net_buffers_free(void *chunk, size_t size, size_t align);
/// ```
///
/// A program that does not define them fails to link, and the linker names the symbol. A type
/// parameter `P: Provider` does the same with a choice for each value, and is the better way where
/// there is room for one.
///
/// ```
/// // The library:
/// flagstone::link_provider! {
///     /// Memory for buffers, which the program supplies.
///     #[derive(Clone, Copy, Debug)]
///     pub struct NetMemory;
///
///     // SAFETY: the program must define both symbols as this crate's documentation says.
///     unsafe {
///         alloc: "net_buffers_alloc",
///         free: "net_buffers_free",
///     }
/// }
///
/// // The program:
/// flagstone::supply_provider! {
///     // SAFETY: the global allocator's chunks are what `NetMemory` promises.
///     unsafe {
///         alloc: "net_buffers_alloc" = std::alloc::alloc,
///         free: "net_buffers_free" = std::alloc::dealloc,
///     }
/// }
///
/// let pool = flagstone::FixedPool::new_in(100, NetMemory);
/// assert_eq!(*pool.alloc(7).unwrap(), 7);
/// ```
///
/// # Safety
///
/// The word `unsafe` in the call says that these symbols are functions of the types above, and that
/// they keep the promise of [`function_provider!`](crate::function_provider). Symbols are names for
/// the whole program: begin them with that of your crate.
///
/// # Cost
///
/// A call of a C function. A panic of the function goes on through it.
#[doc(alias = "define_allocation_hooks")]
#[macro_export]
macro_rules! link_provider {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident;
        unsafe { alloc: $alloc:literal, free: $free:literal $(,)? }
    ) => {
        $crate::function_provider! {
            $(#[$meta])*
            $visibility struct $name;
            unsafe {
                alloc: |layout: ::core::alloc::Layout| {
                    // SAFETY: the call of this macro says that the symbol is such a function.
                    unsafe extern "C-unwind" {
                        #[link_name = $alloc]
                        fn supplied(size: usize, align: usize) -> *mut u8;
                    }
                    // SAFETY: the promise of who wrote `unsafe` in the call of this macro.
                    unsafe { supplied(layout.size(), layout.align()) }
                },
                free: |ptr: *mut u8, layout: ::core::alloc::Layout| {
                    // SAFETY: as above.
                    unsafe extern "C-unwind" {
                        #[link_name = $free]
                        fn supplied(ptr: *mut u8, size: usize, align: usize);
                    }
                    // SAFETY: as above, for what the other function gave.
                    unsafe { supplied(ptr, layout.size(), layout.align()) }
                },
            }
        }
    };
}

/// Defines the symbols of a [`link_provider!`](crate::link_provider), in the program.
///
/// The functions are those of [`function_provider!`](crate::function_provider). See `link_provider!`
/// for an example.
///
/// # Errors
///
/// A size of 0, or a size and an alignment that are no [`Layout`](core::alloc::Layout), which only C code
/// could ask for, are answered with a null pointer.
///
/// # Safety
///
/// The word `unsafe` in the call is the promise of `function_provider!`, and says that nothing else
/// in the program has these names.
#[doc(alias = "define_allocation_hooks")]
#[macro_export]
macro_rules! supply_provider {
    (
        unsafe {
            alloc: $alloc_name:literal = $alloc:expr,
            free: $free_name:literal = $free:expr $(,)?
        }
    ) => {
        #[allow(
            unsafe_code,
            reason = "said in the call; an error where it is forbidden"
        )]
        const _: () = {
            // SAFETY: the call of this macro says that nothing else has this name, here and below.
            #[unsafe(export_name = $alloc_name)]
            extern "C-unwind" fn __flagstone_alloc(size: usize, align: usize) -> *mut u8 {
                let alloc: unsafe fn(::core::alloc::Layout) -> *mut u8 = $alloc;
                match ::core::alloc::Layout::from_size_align(size, align) {
                    // SAFETY: the promise of who wrote `unsafe` in the call of this macro, for a layout
                    // that is not of 0 bytes.
                    ::core::result::Result::Ok(layout) if size > 0 => unsafe { alloc(layout) },
                    _ => ::core::ptr::null_mut(),
                }
            }

            #[unsafe(export_name = $free_name)]
            unsafe extern "C-unwind" fn __flagstone_free(ptr: *mut u8, size: usize, align: usize) {
                let free: unsafe fn(*mut u8, ::core::alloc::Layout) = $free;
                if let ::core::result::Result::Ok(layout) =
                    ::core::alloc::Layout::from_size_align(size, align)
                {
                    // SAFETY: as above, for what the other function gave.
                    unsafe { free(ptr, layout) }
                }
            }
        };
    };
}
