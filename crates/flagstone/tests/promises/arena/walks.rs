//! What lies in an arena is found, chunk by chunk, the newest chunk first.
#![expect(unsafe_code, reason = "says that values of one type lie in an arena")]

use flagstone::Arena;
use flagstone_testkit::provider::{Source, Supplied};

/// The values, oldest first.
fn found<T: Copy, const M: usize>(arena: &mut Arena<impl flagstone::Provider, M>) -> Vec<T> {
    // SAFETY: the callers place values of `T` and nothing else.
    let mut chunks: Vec<&mut [T]> = unsafe { arena.chunks_of::<T>() }.collect();
    chunks.reverse();
    chunks.concat()
}

#[test]
fn values_of_one_type() {
    for &source in Source::ALL {
        let mut arena = Arena::<_>::new_in(Supplied::counting(source));
        for len in [0, 1, 100, 5000_u64] {
            for n in 0..len {
                match n % 3 {
                    0 => *arena.alloc(0) = n,
                    1 => *arena.alloc_with(|| n) = n,
                    _ => arena.alloc_slice_copy(&[n])[0] = n,
                }
            }
            assert!(found::<u64, _>(&mut arena).into_iter().eq(0..len));
            // SAFETY: as above.
            for number in unsafe { arena.chunks_of::<u64>() }.flatten() {
                *number += 1;
            }
            assert!(found::<u64, _>(&mut arena).into_iter().eq(1..=len));
            arena.reset();
            assert!(found::<u64, _>(&mut arena).is_empty());
        }
    }
}

#[test]
fn values_of_any_alignment() {
    let mut small = Arena::<_, 1>::with_min_align();
    let mut wide = Arena::<_, 64>::with_min_align();
    for n in 0..1000_u16 {
        small.alloc([n as u8; 3]);
        wide.alloc([u64::from(n); 8]);
    }
    let numbers = found::<[u8; 3], 1>(&mut small);
    assert!(numbers.into_iter().eq((0..1000_u16).map(|n| [n as u8; 3])));
    let numbers = found::<[u64; 8], 64>(&mut wide);
    assert!(numbers.into_iter().eq((0..1000).map(|n| [n; 8])));
}

/// Requests that got a chunk of their own are among them.
#[test]
fn values_in_chunks_apart() {
    let mut arena = Arena::new();
    let mut expected = Vec::new();
    for n in 0..20_u64 {
        let values = vec![n; if n % 5 == 4 { 20_000 } else { 3 }];
        arena.alloc_slice_copy(&values);
        expected.extend(values);
    }
    let mut numbers = found::<u64, 8>(&mut arena);
    numbers.sort_unstable();
    assert_eq!(numbers, expected);
    let bytes: usize = arena.used_bytes().map(|bytes| bytes.len()).sum();
    assert_eq!(
        (bytes, arena.usage().allocated),
        (expected.len() * 8, bytes)
    );
}
