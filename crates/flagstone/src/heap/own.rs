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

            /// Calls `visit` with every area that blocks are in: the spans and runs of chunks by ascending addresses, then
            /// the mappings. Nothing is allocated, and about 2 KiB of stack are needed.
            ///
            /// No lock is held while `visit` runs: it may do whatever it likes with the heap, and other threads may, too. An
            /// area that is there from the beginning to the end of the walk is visited once; one that comes or goes
            /// meanwhile, once or not at all; a block that is resized and moves may be met at both places or at none. The
            /// blocks of an area are those that were in use just before `visit` was called with it, but for those that other
            /// threads were allocating or freeing right then. So a visitor may free the blocks that it is shown, if nobody
            /// else does and none of them was freed since.
            ///
            /// Time: O(spans + chunks² + mappings²), and O(slots) where the blocks are known; one lock at a time, for an
            /// area each.
            ///
            /// ```
            /// use core::alloc::Layout;
            #[doc = concat!("use flagstone::heap::", stringify!($heap), ";")]
            ///
            #[doc = concat!("let heap = ", stringify!($heap), "::new();")]
            /// let block = heap.alloc(Layout::new::<[u64; 10]>())?;
            /// let mut blocks = Vec::new();
            /// heap.walk(|area| blocks.extend(area.blocks().into_iter().flatten()));
            /// assert_eq!(blocks, [block]);
            /// # Ok::<(), flagstone::OutOfMemory>(())
            /// ```
            pub fn walk(&self, visit: impl FnMut(&HeapArea)) {
                self.walk_areas(visit);
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
