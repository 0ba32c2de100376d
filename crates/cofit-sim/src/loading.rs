//! What it takes to bring weights to where they are used, once.
//!
//! ```text
//! time   = setup + bytes / bandwidth + bytes * cycles_per_byte / clock
//! energy = bytes * energy_per_byte + time * power + time * clock * energy_per_cycle
//! ```
//!
//! The two terms of time are a copy that two clocks share: the processor's, which is the same
//! whatever the accelerator's, and the accelerator's. Energy follows a power that grows with the
//! clock. A card that knows a rate and an energy of a byte at one clock states those alone.

use cofit_chip::{Chip, WeightLoad};
use cofit_vocab::{Bytes, Hertz, PicoJoules, Seconds};

/// How weights are loaded, in plain numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loading {
    /// Whatever the bytes.
    pub setup: Seconds,
    /// Of one byte, whatever the clock.
    pub per_byte: Seconds,
    /// Cycles of one byte.
    pub cycles_per_byte: f64,
    /// The clock that those count.
    pub clock: Hertz,
    /// Energy of one byte, where the card states any energy.
    pub energy_per_byte: Option<PicoJoules>,
    /// Power while loading, in watts, where the card states it.
    pub power: Option<f64>,
    /// Energy of a cycle of the clock while loading.
    pub energy_per_cycle: Option<PicoJoules>,
}

impl Loading {
    /// What the card says; nothing where it states neither a rate nor cycles.
    pub fn of(load: &WeightLoad, chip: &Chip) -> Option<Self> {
        let clock = match &load.clock {
            Some(clock) => clock.value,
            None => chip.reference_clock().map_or(crate::ASSUMED_CLOCK, |clock| clock.value),
        };
        if load.bandwidth.is_none() && load.cycles_per_byte.is_none() {
            return None;
        }
        Some(Self {
            setup: load.setup.as_ref().map_or(Seconds(0.0), |setup| setup.value),
            per_byte: load
                .bandwidth
                .as_ref()
                .map_or(Seconds(0.0), |rate| Seconds(1.0 / rate.value.get())),
            cycles_per_byte: load.cycles_per_byte.as_ref().map_or(0.0, |cycles| cycles.value),
            clock,
            energy_per_byte: load.energy_per_byte.as_ref().map(|each| each.value),
            power: load.power.as_ref().map(|power| power.value.get()),
            energy_per_cycle: load.energy_per_cycle.as_ref().map(|each| each.value),
        })
    }

    /// How long loading `bytes` takes.
    pub fn time(&self, bytes: Bytes) -> Seconds {
        let each = self.per_byte.get() + self.cycles_per_byte / self.clock.get();
        self.setup + Seconds(bytes.as_f64() * each)
    }

    /// What loading `bytes` costs, where the card states any energy.
    pub fn energy(&self, bytes: Bytes) -> Option<PicoJoules> {
        let time = self.time(bytes).get();
        let parts = [
            self.energy_per_byte.map(|each| each * bytes.as_f64()),
            self.power.map(|power| PicoJoules(power * time * 1e12)),
            self.energy_per_cycle.map(|each| each * (time * self.clock.get())),
        ];
        parts.into_iter().flatten().reduce(|sum, part| sum + part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1,000 bytes at 1 MB/s and a cycle of 2 MHz each, after a millisecond: 2.5 ms.
    fn loading() -> Loading {
        Loading {
            setup: Seconds(1e-3),
            per_byte: Seconds(1e-6),
            cycles_per_byte: 1.0,
            clock: Hertz(2e6),
            energy_per_byte: None,
            power: None,
            energy_per_cycle: None,
        }
    }

    #[track_caller]
    fn check(loading: Loading, picojoules: Option<f64>) {
        assert!((loading.time(Bytes(1000)).get() - 2.5e-3).abs() < 1e-12);
        let energy = loading.energy(Bytes(1000)).map(|energy| energy.get().round());
        assert_eq!(energy, picojoules);
    }

    #[test]
    fn energy_is_the_sum_of_what_is_stated() {
        check(loading(), None);
        check(Loading { energy_per_byte: Some(PicoJoules(3.0)), ..loading() }, Some(3000.0));
        check(Loading { power: Some(1e-6), ..loading() }, Some(2500.0));
        let both =
            Loading { power: Some(1e-6), energy_per_cycle: Some(PicoJoules(0.5)), ..loading() };
        // 2.5 ms at 2 MHz are 5,000 cycles.
        check(both, Some(5000.0));
    }
}
