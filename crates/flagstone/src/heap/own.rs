//! What heaps of one's own have in common: their calls, in two types.

/// The calls of a heap of one's own, for a type that is a [`Door`](super::door::Door), with its words in the
/// documentation.
macro_rules! own_heap {
    ($heap:ident) => {
        impl $heap {
            /// A heap on pages of the operating system.
            #[must_use]
            pub fn new() -> Self {
                Self::new_in(OsPages)
            }
        }

        impl<P: Provider> $heap<P> {
            /// A heap on `provider`. Asks it for nothing yet.
            #[must_use]
            pub fn new_in(provider: P) -> Self {
                Self::with_options_in(HeapOptions::new(), provider)
            }

            /// A block of at least `layout`'s size, with all the bytes that it has. A size of 0 is answered
            /// with a block, too.
            ///
            /// # Errors
            ///
            /// When the limit is reached, or the provider has nothing.
            pub fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, OutOfMemory> {
                self.with_size(self.alloc_block(layout), layout)
            }

            /// A block whose first `layout.size()` bytes are 0.
            ///
            /// # Errors
            ///
            /// As [`alloc`](Self::alloc).
            pub fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, OutOfMemory> {
                self.with_size(self.alloc_zeros(layout), layout)
            }

            /// Makes a block as large as `new` and aligned as `new`, without its old layout, where it is or
            /// elsewhere. What it holds stays, up to the smaller size.
            ///
            /// # Errors
            ///
            /// As [`alloc`](Self::alloc), and then the block is as it was.
            ///
            /// # Safety
            ///
            /// `block` is a block of this heap that was not freed. If the answer is a block, the old one was freed.
            pub unsafe fn resize(
                &self,
                block: NonNull<u8>,
                new: Layout,
            ) -> Result<NonNull<[u8]>, OutOfMemory> {
                // SAFETY: the caller's promise.
                self.with_size(unsafe { self.resize_block(block, new) }, new)
            }

            /// Frees a block.
            ///
            /// # Safety
            ///
            /// `block` is a block of this heap that was not freed, and nobody uses it any more.
            #[inline]
            pub unsafe fn free(&self, block: NonNull<u8>) {
                // SAFETY: the caller's promise.
                unsafe { self.free_block(block) }
            }

            /// How many bytes of a block may be used.
            ///
            /// # Safety
            ///
            /// `block` is a block of this heap that was not freed.
            #[must_use]
            pub unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
                // SAFETY: the caller's promise.
                unsafe { self.block_size(block) }
            }

            /// Whether the address is in a block, or in a slot that a block could have. Time: O(chunks), under
            /// locks.
            #[must_use]
            pub fn owns<T: ?Sized>(&self, address: *const T) -> bool {
                self.core().owns(address.addr())
            }

            /// What is known of the [guarded block](HeapOptions::sampled) at or near the address, if there is one.
            /// Waits for nothing.
            #[must_use]
            pub fn guarded_block<T: ?Sized>(&self, address: *const T) -> Option<GuardedBlock> {
                self.core()
                    .guarded_at(address.addr())
                    .map(GuardedBlock::new)
            }

            /// Gives all free memory back to the provider that the calling thread can reach. Answers how many
            /// bytes.
            pub fn purge(&self) -> usize {
                self.give_all_back()
            }

            /// Gives back what was free for as long as the options say.
            pub fn tick(&self) {
                self.give_due_back();
            }

            /// What the heap holds now. Time: O(spans), under locks; nothing is allocated.
            #[must_use]
            pub fn stats(&self) -> HeapStats {
                self.census()
            }

            fn with_size(
                &self,
                block: *mut u8,
                layout: Layout,
            ) -> Result<NonNull<[u8]>, OutOfMemory> {
                let block = NonNull::new(block).ok_or(OutOfMemory::new(layout))?;
                // SAFETY: a block of ours.
                let size = unsafe { self.block_size(block) };
                Ok(NonNull::slice_from_raw_parts(block, size))
            }
        }

        impl Default for $heap {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<P: Provider> fmt::Debug for $heap<P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($heap))
                    .field("stats", &self.stats())
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(super) use own_heap;
