//! Names the promises as tests.

/// A module of tests, one for each promise, of the executor that an expression makes.
#[macro_export]
macro_rules! executor_promises {
    ($name:ident, $executor:expr) => {
        $crate::executor_promises!(
            $name,
            $executor,
            any_number_may_wait,
            cancelled_at_any_poll,
            closing_ends_the_wait,
            freed_is_handed_over,
            the_timer_ends_the_wait,
        );
    };
    ($name:ident, $executor:expr, $($promise:ident),* $(,)?) => {
        mod $name {
            use super::*;
            $(
                #[test]
                fn $promise() {
                    $crate::executors::$promise(&$executor);
                }
            )*
        }
    };
}
