//! What a network costs that runs now and then.

use cofit_chip::Chip;
use cofit_sim::Profile;
use cofit_vocab::{Figure, FigureKind, Hertz, Quantity, Seconds, Unit};

use crate::verdict::{energy_quantity, latency_figure};

/// How often a network runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Duty {
    /// Inferences in a second, above zero.
    pub rate: Hertz,
}

impl Duty {
    /// From the start of one inference to that of the next.
    pub fn period(self) -> Seconds {
        Seconds(1.0 / self.rate.get())
    }
}

/// From a sleep in which everything was lost to the first result.
#[derive(Clone, Debug, PartialEq)]
pub struct Wake {
    /// Time: out of sleep, loading, one inference.
    pub time: Quantity,
    /// Energy of loading and of one inference.
    pub energy: Quantity,
}

impl Wake {
    /// What the card knows about it. A wake-up time that no operating point states counts as none,
    /// which the kind of the figure shows.
    pub fn of(profile: &Profile, chip: &Chip) -> Self {
        let out_of_sleep = chip.operating_point.wake_up.as_ref().map(|time| time.value.get());
        let time = match (profile.cold_start.as_ref(), profile.accuracy.is_structural) {
            (_, true) => Quantity::Unavailable("structural model only".to_owned()),
            (Err(reason), _) => Quantity::Unavailable(reason.clone()),
            (Ok(load), false) => {
                let before = load.time.get() + out_of_sleep.unwrap_or(0.0);
                let steady = latency_figure(profile);
                let kind = match out_of_sleep {
                    Some(_) => steady.kind.max(FigureKind::Simulated),
                    None => FigureKind::Assumed,
                };
                Figure::between(
                    before + steady.value,
                    Unit::Seconds,
                    kind,
                    before + steady.low,
                    before + steady.high,
                )
                .into()
            }
        };
        let energy = match (profile.first_inference_energy(), energy_quantity(profile).figure()) {
            (Ok(energy), Some(steady)) => {
                let whole = energy.get() * 1e-12;
                let loading = whole - steady.value;
                Figure::between(
                    whole,
                    Unit::Joules,
                    steady.kind,
                    steady.low + loading,
                    steady.high + loading,
                )
                .into()
            }
            (Err(reason), _) => Quantity::Unavailable(reason),
            (Ok(_), None) => Quantity::Unavailable("the energy is unknown".to_owned()),
        };
        Self { time, energy }
    }
}

/// Power between inferences.
#[derive(Clone, Debug, PartialEq)]
pub enum Sleep {
    /// What the card states, for the share of the time that nothing runs, in watts.
    Known(f64),
    /// The card states none.
    Unknown,
}

/// Average power of a network that runs at a rate, weights kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Power {
    /// Energy of an inference for every period: watts, as joules in a second.
    pub active: Figure,
    /// The share of the time that an inference runs, 0 to 1.
    pub busy: f64,
    /// What the time between costs.
    pub sleep: Sleep,
}

impl Power {
    /// The average at a rate.
    ///
    /// # Errors
    /// Why it is unknown: no energy, or an inference longer than the period.
    pub fn of(profile: &Profile, chip: &Chip, duty: Duty) -> Result<Self, String> {
        let energy = match energy_quantity(profile) {
            Quantity::Known(figure) => figure,
            Quantity::Unavailable(reason) => return Err(reason),
        };
        let busy = profile.steady_state().get() / duty.period().get();
        if busy > 1.0 {
            return Err("an inference takes longer than the period".to_owned());
        }
        let rate = duty.rate.get();
        let active = Figure {
            unit: Unit::Watts,
            value: energy.value * rate,
            low: energy.low * rate,
            high: energy.high * rate,
            ..energy
        };
        let idle = chip.energy.as_ref().and_then(|card| card.idle_power.as_ref());
        let sleep = match idle {
            Some(power) => Sleep::Known(power.value.get() * (1.0 - busy)),
            None => Sleep::Unknown,
        };
        Ok(Self { active, busy, sleep })
    }
}
