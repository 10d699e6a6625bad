//! When something in an arena moves because it grows, what lies beside its old place stays.

use flagstone::Arena;

/// The slice grows until it moves out of the chunk in which `before` and it were; then more is
/// placed than fits anywhere else.
fn assert_neighbours_stay(before: usize, len: u64) {
    let arena = Arena::new();
    let neighbours: Vec<&mut [u8; 40]> = (0..before).map(|_| arena.alloc([1; 40])).collect();
    // The slice does not know how long it will be, and what the iterator places makes it move.
    let unknown = (0..len).filter(|_| true);
    let slice = arena.alloc_slice_iter(unknown.map(|n| *arena.alloc(n)));
    let later: Vec<&mut [u8; 40]> = (0..500).map(|_| arena.alloc([2; 40])).collect();
    let context = format!("{before} neighbours, {len} elements");
    assert!(
        neighbours.iter().all(|bytes| **bytes == [1; 40]),
        "{context}"
    );
    assert!(later.iter().all(|bytes| **bytes == [2; 40]), "{context}");
    assert!(slice.iter().copied().eq(0..len), "{context}");
}

#[test]
fn a_slice_that_moves_to_a_new_chunk_leaves_its_neighbours_alone() {
    for before in 0..24 {
        for len in [10, 20, 40, 80, 200, 500] {
            assert_neighbours_stay(before, len);
        }
    }
}
