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
