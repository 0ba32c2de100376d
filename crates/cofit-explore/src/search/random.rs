//! Random numbers that are the same on every machine: SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast
//! Splittable Pseudorandom Number Generators", 2014).

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

/// The increment of SplitMix64: 2^64 over the golden ratio, made odd.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's mixing function.
const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Random {
    /// The stream of one generation.
    pub(super) const fn new(seed: u64, generation: u64) -> Self {
        Self(mix(seed ^ mix(generation.wrapping_add(GAMMA))))
    }

    /// The next word.
    pub(super) const fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A whole number below `count`, which is not zero. The bias is below one in 2^32, as counts are.
    pub(super) const fn below(&mut self, count: usize) -> usize {
        ((self.word() as u128 * count as u128) >> 64) as usize
    }

    /// Whether something of probability one in `count` happens.
    pub(super) const fn one_in(&mut self, count: usize) -> bool {
        self.below(if count == 0 { 1 } else { count }) == 0
    }
}
