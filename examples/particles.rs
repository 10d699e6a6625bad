//! A particle system: thousands of small values that come and go in every frame.
//!
//! `cargo run --release --example particles`
//!
//! The same simulation runs with `Box`, on a `FixedPool` (no allocation after the start, and new
//! particles are dropped when it is full, as a game would) and on a `GrowingPool`. The system does
//! not know which: it asks a [`Place`] for a handle and uses it like a `Box`. (Handles of a `FixedPool`
//! are two words wide, the others one, which a vector of them feels.)

use std::ops::DerefMut;

use flagstone::{
    FixedPool, GrowingPool,
    pool::{FixedHandle, GrowingHandle},
};
use flagstone_examples::race::{Contender, Outcome, Random, print, quick, race};

/// 64 bytes, as in a small engine.
#[derive(Clone, Debug)]
struct Particle {
    place: [f32; 3],
    speed: [f32; 3],
    color: [f32; 4],
    frames_left: u32,
    kind: u32,
    #[expect(dead_code, reason = "what else an engine keeps")]
    rest: [u32; 4],
}

/// Where particles are placed.
trait Place {
    type Handle<'p>: DerefMut<Target = Particle>
    where
        Self: 'p;

    /// `None` when there is no room.
    fn place(&self, particle: Particle) -> Option<Self::Handle<'_>>;
}

struct Boxes;

impl Place for Boxes {
    type Handle<'p> = Box<Particle>;

    fn place(&self, particle: Particle) -> Option<Box<Particle>> {
        Some(Box::new(particle))
    }
}

impl Place for FixedPool<Particle> {
    type Handle<'p> = FixedHandle<'p, Particle>;

    fn place(&self, particle: Particle) -> Option<Self::Handle<'_>> {
        self.alloc(particle).ok()
    }
}

impl Place for GrowingPool<Particle> {
    type Handle<'p> = GrowingHandle<'p, Particle>;

    fn place(&self, particle: Particle) -> Option<Self::Handle<'_>> {
        self.alloc(particle).ok()
    }
}

/// Particles in flight.
struct System<'p, P: Place> {
    place: &'p P,
    live: Vec<P::Handle<'p>>,
    random: Random,
    most: usize,
}

impl<'p, P: Place> System<'p, P> {
    fn new(place: &'p P, most: usize) -> Self {
        Self {
            place,
            live: Vec::with_capacity(most),
            random: Random::new(1),
            most,
        }
    }

    fn emit(&mut self, count: usize) {
        for _ in 0..count.min(self.most - self.live.len()) {
            let mut float = || self.random.below(1000) as f32 / 1000.0 - 0.5;
            let particle = Particle {
                place: [0.0; 3],
                speed: [float(), float() + 1.0, float()],
                color: [1.0, 0.8, 0.2, 1.0],
                frames_left: 0,
                kind: 0,
                rest: [0; 4],
            };
            if let Some(mut handle) = self.place.place(particle) {
                handle.frames_left = 20 + self.random.below(60) as u32;
                self.live.push(handle);
            }
        }
    }

    /// Moves every particle, and drops those whose time has come.
    fn frame(&mut self) {
        let mut at = 0;
        while let Some(particle) = self.live.get_mut(at) {
            if particle.frames_left == 0 {
                drop(self.live.swap_remove(at));
                continue;
            }
            particle.frames_left -= 1;
            particle.speed[1] -= 0.01;
            for axis in 0..3 {
                particle.place[axis] += particle.speed[axis];
            }
            particle.color[3] *= 0.97;
            particle.kind ^= 1;
            at += 1;
        }
    }

    /// A number that depends on all particles.
    fn checksum(&self) -> u64 {
        let bits = |particle: &Particle| {
            let place = u64::from(particle.place[1].to_bits());
            place.wrapping_mul(31) + u64::from(particle.frames_left)
        };
        self.live
            .iter()
            .fold(0, |sum, particle| sum.rotate_left(1) ^ bits(particle))
    }
}

/// Simulates `frames` frames with at most `most` particles.
fn simulate<P: Place>(place: &P, most: usize, frames: usize) -> u64 {
    let mut system = System::new(place, most);
    let mut sum = 0_u64;
    for _ in 0..frames {
        system.emit(most / 50);
        system.frame();
        sum = sum.rotate_left(5) ^ system.checksum();
    }
    sum
}

fn compare(most: usize, frames: usize, rounds: usize) -> Vec<Outcome> {
    let fixed = FixedPool::new(most);
    let growing = GrowingPool::new(most);
    race(
        rounds,
        &mut [
            Contender::new("Box", || simulate(&Boxes, most, frames)),
            Contender::new("FixedPool", || simulate(&fixed, most, frames)),
            Contender::new("GrowingPool", || simulate(&growing, most, frames)),
        ],
    )
}

fn main() {
    let (most, frames, rounds) = if quick() {
        (500, 50, 3)
    } else {
        (20_000, 200, 15)
    };
    println!("{most} particles at most, {frames} frames, {rounds} rounds");
    let outcomes = compare(most, frames, rounds);
    print(&outcomes, frames as u64, "frame");
    if cfg!(debug_assertions) {
        println!("This is a debug build: add --release for times that mean something.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_places_simulate_the_same() {
        let outcomes = compare(100, 30, 2);
        assert_eq!(outcomes.len(), 3);
        assert!(
            outcomes
                .iter()
                .all(|outcome| outcome.result == outcomes[0].result)
        );
    }

    #[test]
    fn a_full_pool_drops_new_particles_and_nothing_else() {
        let pool = FixedPool::new(10);
        let mut system = System::new(&pool, 100);
        system.emit(50);
        assert_eq!((system.live.len(), pool.available()), (10, 0));
        for _ in 0..200 {
            system.frame();
        }
        assert!(pool.is_empty());
    }
}
