//! The survey finds the objects that die together, and only those.

mod support;

use std::collections::VecDeque;

use flagstone_cli::replay::{Phases, Survey};
use flagstone_trace::ObjectId;
use support::{Script, Trace};

fn phases(trace: &Trace) -> Phases {
    let survey = Survey::of(&trace.source(), |_| ()).expect("a readable trace");
    let phases = survey.phases;
    let parts = phases.joined + phases.foreign + phases.unfreed + phases.scattered;
    assert_eq!(parts, phases.objects, "{phases:?}");
    phases
}

/// Objects that one request allocates and frees at its end.
fn request(script: &mut Script, thread: u32, objects: usize) {
    let objects: Vec<_> = (0..objects).map(|_| script.alloc(thread, 50)).collect();
    free_all(script, thread, objects);
}

fn free_all(script: &mut Script, thread: u32, objects: impl IntoIterator<Item = ObjectId>) {
    for object in objects {
        script.free(thread, object);
    }
}

#[test]
fn each_request_of_a_loop_is_a_phase() {
    let mut script = Script::new();
    for _ in 0..100 {
        request(&mut script, 0, 40);
    }
    let phases = phases(&script.finish());
    assert_eq!((phases.phases, phases.joined), (100, 4_000), "{phases:?}");
    assert_eq!(phases.joined_bytes, 200_000);
}

#[test]
fn what_outlives_the_requests_joins_none_and_hides_none() {
    let mut script = Script::new();
    let mut cache = Vec::new();
    for _ in 0..100 {
        let before: Vec<_> = (0..20).map(|_| script.alloc(0, 50)).collect();
        cache.push(script.alloc(0, 50));
        let after: Vec<_> = (0..20).map(|_| script.alloc(0, 50)).collect();
        free_all(&mut script, 0, before.into_iter().chain(after));
    }
    let phases = phases(&script.finish());
    assert_eq!((phases.phases, phases.joined), (100, 4_000), "{phases:?}");
    assert_eq!(phases.unfreed, 100);
}

#[test]
fn a_phase_lies_in_another() {
    let mut script = Script::new();
    for _ in 0..10 {
        // Objects of the outer phase are allocated while inner ones go on.
        let mut outer = Vec::new();
        for _ in 0..20 {
            let inner: Vec<_> = (0..20).map(|_| script.alloc(0, 1_000)).collect();
            outer.push(script.alloc(0, 1_000));
            free_all(&mut script, 0, inner);
        }
        free_all(&mut script, 0, outer);
    }
    let phases = phases(&script.finish());
    assert_eq!(phases.joined, phases.objects, "{phases:?}");
    assert_eq!(phases.phases, 10 * 20 + 10, "{phases:?}");
}

#[test]
fn a_phase_may_be_longer_than_a_block_of_the_trace() {
    let mut script = Script::new();
    for _ in 0..2 {
        request(&mut script, 0, 100_000);
    }
    let phases = phases(&script.finish());
    assert_eq!((phases.phases, phases.joined), (2, 200_000), "{phases:?}");
}

#[test]
fn leaks_join_no_phase() {
    let mut script = Script::new();
    for _ in 0..1_000 {
        script.alloc(0, 50);
    }
    let phases = phases(&script.finish());
    assert_eq!((phases.unfreed, phases.joined), (1_000, 0), "{phases:?}");
}

#[test]
fn a_queue_that_is_never_empty_has_no_phases() {
    for length in [5, 50, 5_000] {
        let mut script = Script::new();
        let mut queue = VecDeque::new();
        for _ in 0..20_000 {
            queue.push_back(script.alloc(0, 50));
            if queue.len() > length {
                let oldest = queue.pop_front();
                free_all(&mut script, 0, oldest);
            }
        }
        let phases = phases(&script.finish());
        assert_eq!(phases.joined, 0, "{length}: {phases:?}");
        assert!(phases.scattered > 10_000, "{length}: {phases:?}");
    }
}

#[test]
fn what_another_thread_frees_or_resizes_joins_no_phase() {
    let mut script = Script::new();
    request(&mut script, 0, 40);
    request(&mut script, 1, 40);
    for _ in 0..10 {
        let objects: Vec<_> = (0..40).map(|_| script.alloc(0, 50)).collect();
        free_all(&mut script, 1, objects);
        let objects: Vec<_> = (0..40).map(|_| script.alloc(0, 50)).collect();
        for &object in &objects {
            script.realloc(1, object, 60);
        }
        free_all(&mut script, 0, objects);
    }
    let phases = phases(&script.finish());
    assert_eq!((phases.foreign, phases.joined), (800, 80), "{phases:?}");
}

#[test]
fn threads_do_not_hide_each_others_phases() {
    let mut script = Script::new();
    let mut live = [Vec::new(), Vec::new()];
    for step in 0..8_000_u32 {
        let thread = step % 2;
        let own = &mut live[thread as usize];
        own.push(script.alloc(thread, 50));
        // The two never end at the same time.
        if (step / 2 + 20 * thread) % 40 == 39 {
            let own = std::mem::take(own);
            free_all(&mut script, thread, own);
        }
    }
    let phases = phases(&script.finish());
    assert_eq!(phases.foreign, 0);
    assert!(phases.joined > 7_900, "{phases:?}");
}

#[test]
fn an_object_may_grow_inside_a_phase_unless_it_leaves_too_much_behind() {
    let growing = |others: usize, steps: u64| {
        let mut script = Script::new();
        for _ in 0..20 {
            let mut objects: Vec<_> = (0..20).map(|_| script.alloc(0, 16)).collect();
            let object = script.alloc(0, 100);
            objects.push(object);
            for step in 1..steps {
                // Whatever is allocated in between makes it move.
                objects.extend((0..others).map(|_| script.alloc(0, 16)));
                script.realloc(0, object, 100 + step * 100);
            }
            free_all(&mut script, 0, objects);
        }
        phases(&script.finish())
    };
    for (others, steps) in [(0, 400), (1, 10)] {
        let suits = growing(others, steps);
        assert_eq!(suits.joined, suits.objects, "{others} {steps}: {suits:?}");
    }
    let wasteful = growing(1, 400);
    // The small ones may join; those that grew have 40 kB each.
    assert!(wasteful.joined_bytes < 40_000, "{wasteful:?}");
    assert!(wasteful.scattered >= 20, "{wasteful:?}");
}

#[test]
fn a_phase_that_would_keep_too_much_is_none() {
    // One object of a megabyte at a time, but some object of the phase is always live.
    let mut script = Script::new();
    let mut last = script.alloc(0, 1 << 20);
    for _ in 0..30 {
        let next = script.alloc(0, 1 << 20);
        script.free(0, last);
        last = next;
    }
    script.free(0, last);
    let phases = phases(&script.finish());
    assert_eq!((phases.joined, phases.scattered), (0, 31), "{phases:?}");
}

#[test]
fn a_few_objects_are_no_phase() {
    let mut script = Script::new();
    let keep = script.alloc(0, 50);
    request(&mut script, 0, 15);
    script.free(0, keep);
    // With `keep` they would be enough, and its life is not longer than theirs.
    assert_eq!(phases(&script.finish()).joined, 16);

    let mut script = Script::new();
    request(&mut script, 0, 15);
    assert_eq!(phases(&script.finish()).joined, 0);
}

#[test]
fn short_stretches_that_follow_each_other_are_one_phase_and_those_far_apart_are_none() {
    let stretches = |apart: u32| {
        let mut script = Script::new();
        // What the other thread does takes time, and nothing else happens on this one.
        for _ in 0..8 {
            request(&mut script, 0, 2);
            for _ in 0..apart {
                script.alloc(1, 50);
            }
        }
        phases(&script.finish())
    };
    let close = stretches(20);
    assert_eq!((close.phases, close.joined), (1, 16), "{close:?}");
    for apart in [1_000, 100_000] {
        let far = stretches(apart);
        assert_eq!((far.joined, far.scattered), (0, 16), "{far:?}");
    }
}

#[test]
fn a_trace_that_ends_within_a_phase_has_only_those_before() {
    let mut script = Script::new();
    for _ in 0..10 {
        request(&mut script, 0, 40);
    }
    for _ in 0..40 {
        script.alloc(0, 50);
    }
    let phases = phases(&script.finish());
    assert_eq!(
        (phases.phases, phases.joined, phases.unfreed),
        (10, 400, 40)
    );
}
