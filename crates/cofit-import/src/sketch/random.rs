//! The generator behind seeded random weights.
//!
//! Every value is made with integer arithmetic, and where a real number is needed with single
//! IEEE 754 operations that round the same way everywhere, so that a seed names the same weights
//! on every machine.
//!
//! The generator is SplitMix64: a counter that advances by an odd constant, passed through a
//! mixing function (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators",
//! OOPSLA 2014; the constants are those of its variant 13 of the mixing function).

/// The increment of the counter: the odd integer nearest to 2^64 over the golden ratio.
const INCREMENT: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of 64-bit words.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// The stream with the published state `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The stream of constant number `ordinal` under `seed`: its weights do not depend on how
    /// many words another constant took.
    pub(crate) const fn for_constant(seed: u64, ordinal: u64) -> Self {
        Self::new(mix(seed ^ mix(ordinal.wrapping_add(INCREMENT))))
    }

    /// The next word.
    pub(crate) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(INCREMENT);
        mix(self.state)
    }

    /// A bell-shaped integer between -[`BELL_REACH`] and [`BELL_REACH`]: the sum of the four
    /// 16-bit quarters of one word about their middle. Its standard deviation is the reach over
    /// the square root of 12, as that of any sum of four equal uniform variables.
    pub(crate) const fn bell(&mut self) -> i64 {
        let word = self.next();
        let quarters =
            (word & 0xffff) + (word >> 16 & 0xffff) + (word >> 32 & 0xffff) + (word >> 48 & 0xffff);
        quarters as i64 - BELL_REACH
    }
}

/// The largest magnitude of [`SplitMix64::bell`]: half of four times the largest 16-bit number.
pub(crate) const BELL_REACH: i64 = 2 * 0xffff;

/// The mixing function.
pub(crate) const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words that Java's `SplittableRandom` and the reference C program print for the state
    /// 1234567, as Rosetta Code's "Pseudo-random numbers/Splitmix64" lists them.
    #[test]
    fn the_stream_is_the_published_one() {
        let mut stream = SplitMix64::new(1_234_567);
        let words: Vec<u64> = (0..5).map(|_| stream.next()).collect();
        assert_eq!(
            words,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ]
        );
    }

    #[test]
    fn the_bell_has_its_standard_deviation() {
        let mut stream = SplitMix64::for_constant(7, 3);
        let count = 20_000;
        let draws: Vec<f64> =
            (0..count).map(|_| stream.bell() as f64 / BELL_REACH as f64).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(count);
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(count);
        // Five standard errors of the mean and of the variance of a normal variable.
        assert!(mean.abs() < 5.0 * (1.0 / 12.0 / f64::from(count)).sqrt(), "mean {mean}");
        assert!(
            (variance * 12.0 - 1.0).abs() < 5.0 * (2.0 / f64::from(count)).sqrt(),
            "variance {variance}"
        );
        assert!(draws.iter().all(|x| x.abs() <= 1.0));
    }
}
