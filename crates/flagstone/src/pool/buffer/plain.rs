//! Types that can be looked at as bytes.
#![expect(
    unsafe_code,
    reason = "declares unsafe traits and implements them for the primitives"
)]

/// A type whose values have no uninitialised byte: [`Buffer::as_bytes`](crate::pool::Buffer::as_bytes)
/// shows them.
///
/// Implemented for numbers, `bool`, `char` and arrays of such types. A type with padding is refused
/// when the program is compiled:
///
/// ```compile_fail,E0277
/// let pool = flagstone::BufferPool::<(u8, u32)>::new(4, 1);
/// let _ = pool.alloc().unwrap().as_bytes();
/// ```
///
/// # Safety
///
/// The implementor promises: every byte of every value is initialised; there is no padding, and no
/// `MaybeUninit` or `union` inside. (With `#[repr(C)]` that can be added up by hand; with
/// `#[repr(transparent)]` it is that of the field.)
pub unsafe trait NoPadding {}

/// A type that any bytes are a value of: [`Buffer::as_bytes_mut`](crate::pool::Buffer::as_bytes_mut)
/// lets them be changed.
///
/// Implemented for integers, floats and arrays of such types; not for `bool` and `char`.
///
/// # Safety
///
/// The implementor promises: whatever initialised bytes are written to a value, it is a value of the
/// type and breaks no invariant.
pub unsafe trait AnyBits: NoPadding {}

macro_rules! plain {
    ($trait:ident: $($type:ty),+) => {
        $(
            // SAFETY: a primitive without padding; for numbers, any bits are a value.
            unsafe impl $trait for $type {}
        )+
    };
}

plain!(NoPadding: u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, bool, char);
plain!(AnyBits: u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64);

// SAFETY: arrays have no padding between or behind their elements.
unsafe impl<T: NoPadding, const N: usize> NoPadding for [T; N] {}
// SAFETY: arrays are their elements.
unsafe impl<T: AnyBits, const N: usize> AnyBits for [T; N] {}
