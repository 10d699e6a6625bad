//! An index allocator of a user cannot ask to be believed.
use flagstone::IndexAllocator;

struct Mine;

impl IndexAllocator for Mine {
    fn allocate(&mut self) -> Option<usize> {
        Some(0)
    }
    fn free(&mut self, _index: usize) {}
    fn available(&self) -> usize {
        1
    }
    fn capacity(&self) -> usize {
        1
    }
    fn is_in_use(&self, _index: usize, _: flagstone::index::trust::Token) -> bool {
        false
    }
}

fn main() {}
