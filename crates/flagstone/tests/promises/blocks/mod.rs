//! What blocks, budgets and those who wait for them promise, a file each.
//!
//! | file | promise |
//! |---|---|
//! | `budget` | what is granted is what was asked for, all of the capacity can be, and every byte comes back |
//! | `budget_order` | nobody waits longer than the order says, and nobody is woken for nothing |
//! | `budget_scopes` | a tenant has its guarantee, keeps to its limit, and takes no more than its share |
//! | `budget_relief` | who can free something is asked before anybody waits |
//! | `budget_waits` | who waits is counted, for how long, and those are found who wait for each other |
//! | `budget_model` | a budget agrees with a naive one, whatever is asked and dropped in whatever order |
//! | `review_budget` | nobody is asked, passed over or charged by mistake, whoever panics |
//! | `executors` | whoever polls, who waits is served, may leave, and is told (others in `flagstone-tokio`) |
//! | `storage/` | what blocks promise, a file each |
//! | `lock_free_pools` | so are those that threads have at hand without a lock |
//! | `pools` | slots of pools are waited for in the same way |
//! | `recycle_pools` | and objects of a recycling pool, among the tasks of one thread |
//! | `waiting` | a future may be dropped at any time, waiting allocates nothing, and any executor will do |
//!
//! # What went wrong in budgets written by hand
//!
//! | what | here |
//! |---|---|
//! | a request above the capacity waits for ever | `budget`: `what_can_never_be_had_is_refused_at_once`, `a_budget_that_shrinks_sends_away_who_waits_in_vain` |
//! | less is granted than was asked for | `budget_model`; `budget`: `all_of_it_can_be_charged` |
//! | permits are lost when a future is dropped between grant and poll | `waiting`: `dropped_at_every_poll`, `a_grant_that_nobody_takes_goes_on` |
//! | every release wakes everybody | `budget_order`: `as_many_are_woken_as_fit` |
//! | who does not wait overtakes who does | `budget_order`: `nobody_overtakes_in_the_order_of_arrival`, and the model of `budget/models.rs` |
//! | a large request starves, or starves the small ones | `budget_order`: `a_giant_among_small_ones`, `what_fits_beside_is_in_nobodys_way` |
//! | two who need two things each wait for each other | `budget_scopes`: `two_roles_do_not_wait_for_each_other`; or it is seen: `budget_waits`: `tasks_that_wait_for_each_other_are_found` |
//! | exhaustion looks like success; a stall shows nowhere | `budget`: `refusals_say_why`; `waiting`: `an_executor_that_stops_is_seen` |
//! | caches keep what others wait for | `budget_relief` |
//! | a waker is called under a lock | `waiting`: `a_waker_may_use_the_budget` |
//! | `mem::forget` leaks the charge | `budget`: `what_is_forgotten_stays_charged`, as its documentation says |
//! | sums wrap | `budget`: `sums_do_not_wrap`; `budget_model` |

mod budget;
mod budget_model;
mod budget_order;
mod budget_relief;
mod budget_scopes;
mod budget_waits;
#[cfg(all(feature = "heap", unix, not(miri)))]
mod executors;
mod lock_free_pools;
mod pools;
mod recycle_pools;
mod review_budget;
#[cfg(all(feature = "heap", unix, not(miri)))]
mod storage;
mod tasks;
mod waiting;
