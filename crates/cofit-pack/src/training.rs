//! Problems of the size and kind of a large network's training step, generated.
//!
//! Public sets of hard problems are small. The large ones that exist (those of MindSpore's SOMAS
//! in cappadokes/idealloc) are not ours to copy, so this imitates their make: a forward pass whose
//! activations live until the backward pass reaches the same layer, and so nest like parentheses;
//! the gradients of the backward pass; and around each operator many temporaries of a few steps.
//! Sizes are multiples of 512 bytes with a heavy tail. Equal seeds give equal problems.

use crate::problem::{Buffer, Problem};

/// Numbers that look random: splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `limit`, which is not zero.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A number below a number below `limit`: small ones are more likely.
    fn small(&mut self, limit: u64) -> u64 {
        let limit = 1 + self.below(limit);
        self.below(limit)
    }

    /// A number of 512-byte blocks: uniform within a power of two, and each power less likely
    /// than the one before.
    fn size(&mut self, powers: u64) -> u64 {
        let power = self.below(powers).min(self.below(powers + powers / 2));
        512 * ((1 << power) + self.below(1 << power))
    }
}

/// Steps of the forward pass per layer; the backward pass takes twice as many.
const STEPS: u64 = 12;
/// Buffers per layer.
const PER_LAYER: usize = 40;

/// Least bytes of a bucket of gradients or weights.
const BUCKET: u64 = 128 * 512;

/// A problem of so many buffers.
///
/// ```
/// let problem = cofit_pack::training::problem(1000, 7);
/// assert_eq!(problem.buffers.len(), 1000);
/// assert_eq!(problem, cofit_pack::training::problem(1000, 7));
/// ```
pub fn problem(buffers: usize, seed: u64) -> Problem {
    let mut numbers = Numbers(seed);
    let layers = buffers.div_ceil(PER_LAYER).max(1) as u64;
    let turn = layers * STEPS;
    // What lives until the backward pass differs from layer to layer, but a few shapes recur.
    let shapes: Vec<u64> = (0..9).map(|_| numbers.size(6)).collect();
    let mut list = Vec::with_capacity(buffers);
    for i in 0..buffers {
        let layer = (i / PER_LAYER) as u64;
        let forward = layer * STEPS + numbers.below(STEPS);
        let backward = turn + 2 * (turn - forward);
        let buffer = match i % PER_LAYER {
            // Activations.
            0..4 => {
                let size = shapes[numbers.below(9) as usize];
                Buffer::new(forward, backward + numbers.below(2 * STEPS), size)
            }
            // Masks and statistics.
            4..8 => Buffer::new(forward, backward + numbers.below(STEPS), numbers.size(6)),
            // Gradients, which wait for their update.
            8..12 => {
                let wait = 1 + numbers.small(16 * STEPS);
                Buffer::new(backward, backward + wait, 2 * numbers.size(12))
            }
            // Buckets of gradients and weights under way between devices: the largest, for some
            // hundred steps each. It is they that interlock.
            slot @ 12..20 => {
                let at = if slot % 3 == 0 { forward } else { backward };
                let size = BUCKET * (1 + numbers.below(8));
                Buffer::new(at, at + 4 + numbers.below(30 * STEPS), size)
            }
            // Temporaries of either pass.
            slot => {
                let at = if slot % 3 == 0 { forward } else { backward };
                Buffer::new(at, at + 1 + numbers.small(6), numbers.size(12))
            }
        };
        list.push(buffer);
    }
    Problem { buffers: list, capacity: None }
}
