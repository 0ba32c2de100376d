//! Cycles of one clock domain expressed in another, and durations in cycles.
//!
//! The event simulator counts in one reference clock, the one of the plan's main engine. Work of
//! other domains (a DMA on the bus clock, a fallback on the host processor) is converted on the
//! way in, rounded up: a partial cycle of the reference clock is still occupied.

use cofit_vocab::{Bytes, Cycles, Hertz, Seconds};

/// Whole hertz up to which a clock is converted in integers; 2^53 is where `f64` stops holding
/// every whole number.
const WHOLE_HERTZ_LIMIT: f64 = 9_007_199_254_740_992.0;

/// `clock` as a whole number of hertz, where it is one.
fn whole(clock: Hertz) -> Option<u128> {
    (clock.0 >= 1.0 && clock.0 < WHOLE_HERTZ_LIMIT && clock.0.fract() == 0.0)
        .then_some(clock.0 as u128)
}

/// Whether a rate can divide: positive and finite.
fn usable(rate: f64) -> bool {
    rate > 0.0 && rate.is_finite()
}

/// The reference cycles of `to` that `cycles` of `from` occupy, rounded up.
///
/// Exact where both clocks are whole numbers of hertz. Saturates; a clock that is not positive
/// and finite never gets anything done, so any work on it takes [`Cycles::MAX`].
///
/// ```
/// # use cofit_sim::clock::convert;
/// # use cofit_vocab::{Cycles, Hertz};
/// assert_eq!(convert(Cycles(10), Hertz(100e6), Hertz(480e6)), Cycles(48));
/// assert_eq!(convert(Cycles(10), Hertz(480e6), Hertz(100e6)), Cycles(3));
/// ```
pub fn convert(cycles: Cycles, from: Hertz, to: Hertz) -> Cycles {
    if cycles.is_zero() || from == to {
        return cycles;
    }
    if !usable(from.0) || !usable(to.0) {
        return Cycles::MAX;
    }
    match (whole(from), whole(to)) {
        (Some(from), Some(to)) => {
            let converted = u128::from(cycles.0).saturating_mul(to).div_ceil(from);
            Cycles(u64::try_from(converted).unwrap_or(u64::MAX))
        }
        (None, _) | (_, None) => Cycles::ceil_from(cycles.as_f64() * (to.0 / from.0)),
    }
}

/// The cycles of `clock` that `duration` occupies, rounded up; negative durations count as zero.
pub fn cycles_of(duration: Seconds, clock: Hertz) -> Cycles {
    Cycles::ceil_from(duration.0 * clock.0)
}

/// The cycles of `clock` that moving `bytes` at `bytes_per_second` occupies, rounded up.
///
/// A rate that is not positive and finite never delivers: any bytes take [`Cycles::MAX`].
pub fn transfer(bytes: Bytes, bytes_per_second: f64, clock: Hertz) -> Cycles {
    if bytes.is_zero() {
        return Cycles::ZERO;
    }
    if !usable(bytes_per_second) {
        return Cycles::MAX;
    }
    Cycles::ceil_from(bytes.as_f64() / bytes_per_second * clock.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cycles: u64, from: f64, to: f64, expected: u64) {
        assert_eq!(convert(Cycles(cycles), Hertz(from), Hertz(to)), Cycles(expected));
    }

    #[test]
    fn conversion_rounds_up_and_is_exact_for_whole_clocks() {
        check(0, 1.0, 2.0, 0);
        check(1, 3.0, 1.0, 1);
        check(3, 3.0, 1.0, 1);
        check(4, 3.0, 1.0, 2);
        // A float product of these would be off by several cycles.
        check(9_007_199_254_740_993, 50e6, 100e6, 18_014_398_509_481_986);
        check(u64::MAX, 400e6, 400e6, u64::MAX);
    }

    #[test]
    fn conversion_saturates_and_survives_unusable_clocks() {
        check(u64::MAX, 1.0, 1e9, u64::MAX);
        check(1, 0.0, 1e6, u64::MAX);
        check(1, 1e6, f64::NAN, u64::MAX);
        check(1, f64::INFINITY, 1e6, u64::MAX);
        check(3, 1.5, 1.0, 2);
    }

    #[test]
    fn transfers_take_time_by_rate() {
        assert_eq!(transfer(Bytes(100), 50e6, Hertz(100e6)), Cycles(200));
        assert_eq!(transfer(Bytes(1), 3.0, Hertz(1.0)), Cycles(1));
        assert_eq!(transfer(Bytes::ZERO, 0.0, Hertz(1e6)), Cycles::ZERO);
        assert_eq!(transfer(Bytes(1), 0.0, Hertz(1e6)), Cycles::MAX);
        assert_eq!(cycles_of(Seconds(0.25e-3), Hertz(300e6)), Cycles(75_000));
    }
}
