//! The doors of all arenas, written once: names, documentation and lifetimes. What they do is in
//! `place`.

/// Refuses, when it is compiled, a type whose values need to be dropped.
macro_rules! never_dropped {
    ($T:ty) => {
        const {
            assert!(
                !core::mem::needs_drop::<$T>(),
                "this type needs to be dropped and an arena would leak what it owns: \
                 use `alloc_drop`, `alloc_boxed` or `alloc_leak`"
            )
        }
    };
}
pub(super) use never_dropped;

/// The doors of an arena: inherent methods over `Reserve` for `&Self`.
///
/// Takes the line with which examples make an `arena`, and the lifetime of what the doors return
/// (`'_` for that of `&self`).
macro_rules! doors {
    ($setup:literal, $life:lifetime) => {
        /// Places `value`, which is never dropped.
        ///
        /// Six instructions and one branch while the chunk has room, none of them atomic.
        ///
        /// ```
        #[doc = $setup]
        /// let point = arena.alloc((1.5, 2.5));
        /// point.0 += 1.0;
        /// assert_eq!(*point, (2.5, 2.5));
        /// ```
        ///
        /// A type that needs to be dropped is refused by the compiler, because it would leak what it
        /// owns: use `alloc_drop`, `alloc_boxed` or `alloc_leak`.
        ///
        /// ```compile_fail,E0080
        #[doc = $setup]
        /// arena.alloc(String::from("leaked"));
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it; see `try_alloc`.
        #[track_caller]
        #[inline]
        pub fn alloc<T>(&self, value: T) -> &$life mut T {
            $crate::arena::doors::never_dropped!(T);
            $crate::arena::place::sure_value(self, value)
        }

        /// Like `alloc`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory; the value is inside.
        #[inline]
        pub fn try_alloc<T>(&self, value: T) -> Result<&$life mut T, $crate::AllocError<T>> {
            $crate::arena::doors::never_dropped!(T);
            $crate::arena::place::value(self, value)
        }

        /// Places what `make` returns, which is never dropped. The compiler may build it where it will lie,
        /// which saves copying large values. `make` may use the arena.
        ///
        /// Six instructions and one branch while the chunk has room, none of them atomic.
        ///
        /// ```
        #[doc = $setup]
        /// let table = arena.alloc_with(|| [0_u8; 4096]);
        /// assert_eq!(table.len(), 4096);
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it, and when `make` does (its room goes back, unless `make` allocated as well); see `try_alloc_with`.
        #[track_caller]
        #[inline]
        pub fn alloc_with<T>(&self, make: impl FnOnce() -> T) -> &$life mut T {
            match self.try_alloc_with(make) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error),
            }
        }

        /// Like `alloc_with`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory; `make` is not called then.
        #[inline]
        pub fn try_alloc_with<T>(&self, make: impl FnOnce() -> T) -> Result<&$life mut T, $crate::AllocError> {
            $crate::arena::doors::never_dropped!(T);
            $crate::arena::place::value_of(self, make)
        }

        /// Places `value`, which is dropped when the arena is reset or dropped, or its scope closed: what was
        /// placed last is dropped first.
        ///
        /// As `alloc`; two words more, and two stores. `Send`, because the arena may be sent before it is reset.
        ///
        /// ```
        #[doc = $setup]
        /// let names = arena.alloc_drop(vec![String::from("a"), String::from("b")]);
        /// names.push(String::from("c"));
        /// assert_eq!(names.len(), 3);
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it; see `try_alloc_drop`.
        #[track_caller]
        #[inline]
        pub fn alloc_drop<T: Send + 'static>(&self, value: T) -> &$life mut T {
            match self.try_alloc_drop(value) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error.map(drop)),
            }
        }

        /// Like `alloc_drop`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory; the value is inside.
        #[inline]
        pub fn try_alloc_drop<T: Send + 'static>(&self, value: T) -> Result<&$life mut T, $crate::AllocError<T>> {
            $crate::arena::place::kept(self, value)
        }

        /// Places `value` as `alloc_drop` does if its type needs to be dropped, and as `alloc` does otherwise:
        /// for generic code.
        ///
        /// As one of the two.
        ///
        /// ```
        /// fn pair<T: Clone + Send + 'static>(arena: &flagstone::Arena, value: T) -> [&mut T; 2] {
        ///     [arena.alloc_auto(value.clone()), arena.alloc_auto(value)]
        /// }
        /// # let arena = flagstone::Arena::new();
        /// assert_eq!(pair(&arena, String::from("a")), ["a", "a"]);
        /// assert_eq!(pair(&arena, 7), [&7, &7]);
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it; see `try_alloc_auto`.
        #[track_caller]
        #[inline]
        pub fn alloc_auto<T: Send + 'static>(&self, value: T) -> &$life mut T {
            match self.try_alloc_auto(value) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error.map(drop)),
            }
        }

        /// Like `alloc_auto`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory; the value is inside.
        #[inline]
        pub fn try_alloc_auto<T: Send + 'static>(&self, value: T) -> Result<&$life mut T, $crate::AllocError<T>> {
            $crate::arena::place::auto(self, value)
        }

        /// Places `value` of any type and never drops it: what it owns outside of the arena is leaked.
        ///
        /// Six instructions and one branch while the chunk has room, none of them atomic.
        ///
        /// ```
        #[doc = $setup]
        /// let shared = arena.alloc_leak(std::rc::Rc::new(7)); // its count never goes down
        /// assert_eq!(**shared, 7);
        /// # // Balances the count, so that leak checkers are content.
        /// # // SAFETY: a valid value, which is not used again and which nobody else drops.
        /// # unsafe { std::ptr::drop_in_place(shared) };
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it; see `try_alloc_leak`.
        #[track_caller]
        #[inline]
        pub fn alloc_leak<T>(&self, value: T) -> &$life mut T {
            match self.try_alloc_leak(value) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error.map(drop)),
            }
        }

        /// Like `alloc_leak`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory; the value is inside.
        #[inline]
        pub fn try_alloc_leak<T>(&self, value: T) -> Result<&$life mut T, $crate::AllocError<T>> {
            $crate::arena::place::value(self, value)
        }

        /// Places `value`, which is dropped with the box that is returned. It may borrow, and need not be
        /// `Send`.
        ///
        /// Six instructions and one branch while the chunk has room, none of them atomic.
        ///
        /// ```
        #[doc = $setup]
        /// let shared = std::rc::Rc::new(7);
        /// let boxed = arena.alloc_boxed(shared.clone());
        /// drop(boxed);
        /// assert_eq!(std::rc::Rc::strong_count(&shared), 1);
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it; see `try_alloc_boxed`.
        #[track_caller]
        #[inline]
        pub fn alloc_boxed<T>(&self, value: T) -> $crate::arena::ArenaBox<$life, T> {
            match self.try_alloc_boxed(value) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error.map(drop)),
            }
        }

        /// Like `alloc_boxed`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory; the value is inside.
        #[inline]
        pub fn try_alloc_boxed<T>(&self, value: T) -> Result<$crate::arena::ArenaBox<$life, T>, $crate::AllocError<T>> {
            $crate::arena::place::boxed(self, value)
        }

        /// Places all values of an iterator, which are dropped with the box that is returned.
        ///
        /// As `alloc_slice_iter`.
        ///
        /// ```
        #[doc = $setup]
        /// let words = arena.alloc_boxed_slice("a b c".split(' ').map(String::from));
        /// assert_eq!(words.len(), 3);
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it, and when the iterator does; see `try_alloc_boxed_slice`.
        #[track_caller]
        #[inline]
        pub fn alloc_boxed_slice<T>(&self, values: impl IntoIterator<Item = T>) -> $crate::arena::ArenaBox<$life, [T]> {
            match self.try_alloc_boxed_slice(values) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error),
            }
        }

        /// Like `alloc_boxed_slice`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory; what the iterator gave so far is dropped.
        #[inline]
        pub fn try_alloc_boxed_slice<T>(&self, values: impl IntoIterator<Item = T>) -> Result<$crate::arena::ArenaBox<$life, [T]>, $crate::AllocError> {
            $crate::arena::place::boxed_slice(self, values)
        }

        /// Places a copy of `values`.
        ///
        /// While the chunk has room, a dozen instructions. One copy of the bytes on top.
        ///
        /// ```
        #[doc = $setup]
        /// let numbers = arena.alloc_slice_copy(&[1, 2, 3]);
        /// numbers[0] = 4;
        /// assert_eq!(numbers, [4, 2, 3]);
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it; see `try_alloc_slice_copy`.
        #[track_caller]
        #[inline]
        pub fn alloc_slice_copy<T: Copy>(&self, values: &[T]) -> &$life mut [T] {
            match self.try_alloc_slice_copy(values) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error),
            }
        }

        /// Like `alloc_slice_copy`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory.
        #[inline]
        pub fn try_alloc_slice_copy<T: Copy>(&self, values: &[T]) -> Result<&$life mut [T], $crate::AllocError> {
            $crate::arena::place::copied(self, values)
        }

        /// Places a clone of every element of `values`; the clones are never dropped.
        ///
        /// While the chunk has room, a dozen instructions. The clones on top.
        ///
        /// ```
        #[doc = $setup]
        /// let cells = arena.alloc_slice_clone(&[std::cell::Cell::new(1)]);
        /// cells[0].set(2);
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it, and when a `clone` does (the room goes back, unless it was allocated behind); see `try_alloc_slice_clone`.
        #[track_caller]
        #[inline]
        pub fn alloc_slice_clone<T: Clone>(&self, values: &[T]) -> &$life mut [T] {
            match self.try_alloc_slice_clone(values) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error),
            }
        }

        /// Like `alloc_slice_clone`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory; nothing is cloned then.
        #[inline]
        pub fn try_alloc_slice_clone<T: Clone>(&self, values: &[T]) -> Result<&$life mut [T], $crate::AllocError> {
            $crate::arena::doors::never_dropped!(T);
            $crate::arena::place::collected(self, values.len(), values.iter().cloned())
        }

        /// Places `len` elements, of which number `n` is `make(n)`; they are never dropped.
        ///
        /// While the chunk has room, a dozen instructions. The calls of `make` on top.
        ///
        /// ```
        #[doc = $setup]
        /// let squares = arena.alloc_slice_fill_with(4, |n| n * n);
        /// assert_eq!(squares, [0, 1, 4, 9]);
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it, and when `make` does; see `try_alloc_slice_fill_with`.
        #[track_caller]
        #[inline]
        pub fn alloc_slice_fill_with<T>(&self, len: usize, make: impl FnMut(usize) -> T) -> &$life mut [T] {
            match self.try_alloc_slice_fill_with(len, make) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error),
            }
        }

        /// Like `alloc_slice_fill_with`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory; `make` is not called then.
        #[inline]
        pub fn try_alloc_slice_fill_with<T>(&self, len: usize, make: impl FnMut(usize) -> T) -> Result<&$life mut [T], $crate::AllocError> {
            $crate::arena::doors::never_dropped!(T);
            $crate::arena::place::collected(self, len, (0..len).map(make))
        }

        /// Places all values of an iterator of any length; they are never dropped. The iterator may use the
        /// arena.
        ///
        /// Room for the lower bound of `size_hint` is taken first; beyond it the slice doubles, in place while nothing else is allocated.
        ///
        /// ```
        #[doc = $setup]
        /// let even = arena.alloc_slice_iter((0..10).filter(|n| n % 2 == 0));
        /// assert_eq!(even, [0, 2, 4, 6, 8]);
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it, and when the iterator does; see `try_alloc_slice_iter`.
        #[track_caller]
        #[inline]
        pub fn alloc_slice_iter<T>(&self, values: impl IntoIterator<Item = T>) -> &$life mut [T] {
            match self.try_alloc_slice_iter(values) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error),
            }
        }

        /// Like `alloc_slice_iter`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory.
        #[inline]
        pub fn try_alloc_slice_iter<T>(&self, values: impl IntoIterator<Item = T>) -> Result<&$life mut [T], $crate::AllocError> {
            $crate::arena::doors::never_dropped!(T);
            $crate::arena::place::iterated(self, values)
        }

        /// Places a copy of `text`.
        ///
        /// While the chunk has room, a dozen instructions. One copy of the bytes on top.
        ///
        /// ```
        #[doc = $setup]
        /// let name = arena.alloc_str("flagstone");
        /// name.make_ascii_uppercase();
        /// assert_eq!(name, "FLAGSTONE");
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it; see `try_alloc_str`.
        #[track_caller]
        #[inline]
        pub fn alloc_str(&self, text: &str) -> &$life mut str {
            match self.try_alloc_str(text) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error),
            }
        }

        /// Like `alloc_str`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory.
        #[inline]
        pub fn try_alloc_str(&self, text: &str) -> Result<&$life mut str, $crate::AllocError> {
            $crate::arena::place::text(self, text)
        }

        /// Places `len` bytes, all 0.
        ///
        /// While the chunk has room, a dozen instructions. Writing the zeros on top.
        ///
        /// ```
        #[doc = $setup]
        /// let buffer = arena.alloc_bytes(1024);
        /// buffer[0] = 42;
        /// assert_eq!((buffer[0], buffer[1]), (42, 0));
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it; see `try_alloc_bytes`.
        #[track_caller]
        #[inline]
        pub fn alloc_bytes(&self, len: usize) -> &$life mut [u8] {
            match self.try_alloc_bytes(len) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error),
            }
        }

        /// Like `alloc_bytes`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory.
        #[inline]
        pub fn try_alloc_bytes(&self, len: usize) -> Result<&$life mut [u8], $crate::AllocError> {
            $crate::arena::place::zeroed(self, len)
        }

        /// Places a formatted string. What is formatted may use the arena.
        ///
        /// The string doubles as it grows, in place while nothing else is allocated.
        ///
        /// ```
        #[doc = $setup]
        /// let line = arena.alloc_fmt(format_args!("{} slots", 100));
        /// assert_eq!(line, "100 slots");
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it, and when something cannot be formatted; see `try_alloc_fmt`.
        #[track_caller]
        #[inline]
        pub fn alloc_fmt(&self, arguments: core::fmt::Arguments<'_>) -> &$life mut str {
            match self.try_alloc_fmt(arguments) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error),
            }
        }

        /// Like `alloc_fmt`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory, or a `Display` or `Debug` among the arguments returns an error
        /// ([`Format`](crate::AllocErrorKind::Format)).
        #[inline]
        pub fn try_alloc_fmt(&self, arguments: core::fmt::Arguments<'_>) -> Result<&$life mut str, $crate::AllocError> {
            $crate::arena::place::formatted(self, arguments)
        }

        /// Room for `layout`, with nothing in it: as large and as aligned as asked, exclusive, and there as
        /// long as a reference from this arena would be. Room of 0 bytes is a pointer that may not be read.
        ///
        /// About twice the instructions of `alloc`, whose layout is known to the compiler.
        ///
        /// ```
        #[doc = $setup]
        /// let room = arena.alloc_layout(std::alloc::Layout::new::<u64>()).cast::<u64>();
        /// // SAFETY: room for a `u64`.
        /// unsafe { room.write(7) };
        /// ```
        ///
        /// # Panics
        ///
        /// When there is no memory for it; see `try_alloc_layout`.
        #[track_caller]
        #[inline]
        pub fn alloc_layout(&self, layout: core::alloc::Layout) -> core::ptr::NonNull<u8> {
            match self.try_alloc_layout(layout) {
                Ok(place) => place,
                Err(error) => $crate::arena::refusal::refused(error),
            }
        }

        /// Like `alloc_layout`, and returns an error instead of panicking.
        ///
        /// # Errors
        ///
        /// When there is no memory.
        #[inline]
        pub fn try_alloc_layout(&self, layout: core::alloc::Layout) -> Result<core::ptr::NonNull<u8>, $crate::AllocError> {
            $crate::arena::place::layout(self, layout)
        }

    };
}
pub(super) use doors;
