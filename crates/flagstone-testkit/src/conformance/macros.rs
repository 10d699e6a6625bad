//! A named test for every promise.

/// Makes a module of tests, one for each promise of the [suite](mod@crate::conformance), that run the
/// kind of pool `$kind` through it.
///
/// ```ignore
/// conformance!(fixed_intrusive, Fixed<Intrusive>);
/// ```
///
/// A kind that has not all the doors names the checks that need no others:
///
/// ```ignore
/// conformance!(recycling, Recycling, only exhaustion: [value_comes_back], shape: [over_aligned]);
/// ```
#[macro_export]
macro_rules! conformance {
    ($name:ident, $kind:ty) => {
        mod $name {
            $crate::conformance!(@tests $kind,
                exhaustion: [
                    value_comes_back, maker_is_not_called, room_comes_back, counts_are_exact,
                    zero_capacity_refuses,
                ],
                panics: [
                    in_drop, in_drop_of_a_value_moved_in, in_a_closure, in_the_acquire_hook,
                    in_the_release_hook, in_the_initializer,
                    in_drop_of_a_value_made_ahead, at_every_drop_of_clear,
                    at_every_drop_of_a_pool, at_every_drop_of_an_eager_pool,
                ],
                reentrancy: [
                    destructor_allocates, value_owns_a_handle_of_its_pool, closure_allocates,
                    hook_allocates,
                ],
                forgotten: [
                    dropped_with_the_pool, visited_by_iter_mut, moved_by_drain,
                    drain_dropped_half_way, drain_forgotten, dropped_by_clear,
                    raw_pointers_come_back, owned_values_stay_apart, vacant_leaks,
                ],
                shape: [
                    zero_sized, over_aligned, large, niche, alignment_knob, values_do_not_move,
                    references_outlast_other_calls,
                ],
                initial: [
                    eager_count_is_exact, custom_waits, custom_ahead, lazy_refuses,
                    made_ahead_makes_room, made_ahead_is_dropped_with_the_pool,
                    made_ahead_is_not_forgotten, touched_memory_serves,
                ],
                steady: [allocates_nothing],
                order: [
                    of_a_life, of_a_value_taken_out, slot_is_free_after_drop, hooks_balance,
                ],
                model: [pool_agrees, pool_of_larger_values_agrees],
            );
        }
    };
    ($name:ident, $kind:ty, only $($rest:tt)*) => {
        mod $name {
            $crate::conformance!(@tests $kind, $($rest)*);
        }
    };
    (@tests $kind:ty, $($promise:ident: [$($check:ident),* $(,)?]),* $(,)?) => {
        $(
            mod $promise {
                #[allow(unused_imports, reason = "a kind may be named by its full path")]
                use super::super::*;
                $(
                    #[test]
                    fn $check() {
                        $crate::conformance::promise::$promise::$check::<$kind>();
                    }
                )*
            }
        )*
    };
}

/// Makes a module of tests, one for each promise of all [arenas](crate::conformance::promise::arena),
/// that run the kind of arena `$kind` through it.
///
/// ```ignore
/// arena_conformance!(single, Single<8>);
/// ```
#[macro_export]
macro_rules! arena_conformance {
    ($name:ident, $kind:ty) => {
        mod $name {
            $crate::arena_conformance!(@tests $kind,
                places: [values_of_every_type, blocks_of_every_alignment, slices_and_strings, bytes_are_zeroed, without_a_size, references_outlast_other_calls, side_by_side],
                drops: [at_reset, with_the_arena, a_panic_at_reset, a_panic_with_the_arena, without_a_size, what_is_refused_comes_back, memory_outlasts_destructors],
                boxes: [drops_its_value_once, gives_its_value_up, of_a_slice, of_what_borrows],
                surprises: [iterators_that_lie, iterators_that_panic, iterators_whose_values_panic, makers_that_panic, clones_that_panic, odd_formatting, both_forms_of_a_door, slices_that_find_no_room],
                reentrancy: [makers_allocate, makers_allocate_and_panic, iterators_allocate, formatting_allocates, providers_allocate, arenas_in_arenas],
                faults: [a_refusal_at_any_request, memory_that_is_out, smaller_chunks_will_do, a_wrong_answer, a_provider_that_panics, a_failing_merge_keeps_the_chunks, absurd_sizes],
                limits: [a_limit_is_kept, a_limit_below_what_is_there, a_limit_may_forbid_merging, memory_goes_back, what_is_used_stays],
                steady: [cycles_ask_for_nothing, what_is_freed_was_needed, uneven_cycles_settle, slow_growth_is_cheap, a_large_request_is_apart, no_size_gets_a_chunk_each, no_mixture_gets_a_chunk_each, chunks_double_and_then_add],
                blocks: [the_newest_stays_in_place, growth_by_one_stays_in_place, others_move_to_grow, alignment_is_kept, a_chunk_is_left_when_nothing_else_is_there, growth_is_zeroed, refused_growth_changes_nothing, blocks_without_bytes, any_order_of_frees],
                agreement: [with_the_naive_arena],
            );
        }
    };
    (@tests $kind:ty, $($promise:ident: [$($check:ident),* $(,)?]),* $(,)?) => {
        $(
            mod $promise {
                #[allow(unused_imports, reason = "a kind may be named by its full path")]
                use super::super::*;
                $(
                    #[test]
                    fn $check() {
                        $crate::conformance::promise::arena::$promise::$check::<$kind>();
                    }
                )*
            }
        )*
    };
}
