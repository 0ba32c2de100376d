//! Which engine and which chip for this model, and why.
//!
//! Three questions decide, and the model's own figures answer them: which operators dominate and
//! who is built for them; whether control flow or recurrence needs a core; whether weights must be
//! resident, and what a cold start costs against reading them while the network runs.
//! [`Character`] holds what of the answers is the model's, a [`Candidate`] what is a chip's.
//!
//! A chip with several engines is tried in every way that its card allows: as its tools place the
//! operators, on its host alone, and on each accelerator without the host. Every way is compiled and
//! simulated like any other plan.

mod candidate;
mod character;
mod duty;
mod reason;

use cofit_chip::Chip;
use cofit_ir::verify::Verified;
use cofit_vocab::Diagnostics;

pub use self::candidate::{Candidate, EngineShare, Engines, Hottest, Residence};
pub use self::character::{Character, ClassShare, Recurrence};
pub use self::duty::{Duty, Power, Sleep, Wake};
pub use self::reason::Reason;
use crate::verdict::{Budget, Status, energy_quantity, latency_figure};

/// What candidates are ranked by, among those that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Time of one inference in the steady state.
    Latency,
    /// Energy of one inference in the steady state.
    Energy,
    /// Energy from a chip that has loaded nothing to its first result.
    WakeUp,
    /// Average power at a rate, sleep not counted.
    Power,
}

impl Criterion {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Energy => "energy",
            Self::WakeUp => "wake-up",
            Self::Power => "power",
        }
    }

    /// The candidate's figure in seconds, joules or watts; `None` where it is not known.
    pub fn of(self, candidate: &Candidate) -> Option<f64> {
        let profile = &candidate.evaluation.profile;
        match self {
            Self::Latency => {
                (!profile.accuracy.is_structural).then(|| latency_figure(profile).value)
            }
            Self::Energy => energy_quantity(profile).figure().map(|figure| figure.value),
            Self::WakeUp => candidate.wake.energy.figure().map(|figure| figure.value),
            Self::Power => candidate.power.as_ref().ok().map(|power| power.active.value),
        }
    }
}

/// Everything that speaks for one chip or another.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What of the model decides.
    pub character: Character,
    /// The candidates, the best first.
    pub candidates: Vec<Candidate>,
    /// What they are ranked by.
    pub criterion: Criterion,
    /// How often the network runs, where somebody said.
    pub duty: Option<Duty>,
}

/// Tries the model on every chip and ranks what comes out: what fits first, then what cannot be told,
/// and among equals by the criterion. Candidates of which the criterion is unknown come last among
/// their equals, in the order of their latency. The rate of `duty` is a limit on latency beside that
/// of `budget`.
///
/// # Errors
/// A plan breaks its own rules, which is a mistake of cofit.
pub fn choose(
    model: &Verified,
    chips: &[Chip],
    budget: &Budget,
    duty: Option<Duty>,
    criterion: Criterion,
) -> Result<Choice, Diagnostics> {
    let mut budget = *budget;
    if let Some(duty) = duty {
        let period = duty.period();
        let is_tighter = budget.latency.is_none_or(|limit| period.get() < limit.get());
        budget.latency = if is_tighter { Some(period) } else { budget.latency };
    }
    let mut candidates = Vec::new();
    for (at, chip) in chips.iter().enumerate() {
        candidates.extend(candidate::of(model, at, chip, &budget, duty)?);
    }
    let rank = |candidate: &Candidate| match candidate.evaluation.verdict.status {
        Status::Pass => 0_u8,
        Status::Unknown => 1,
        Status::Fail => 2,
    };
    let ascending = |one: Option<f64>, other: Option<f64>| match (one, other) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        (known, other) => other.is_some().cmp(&known.is_some()),
    };
    candidates.sort_by(|one, other| {
        rank(one)
            .cmp(&rank(other))
            .then_with(|| ascending(criterion.of(one), criterion.of(other)))
            .then_with(|| ascending(Criterion::Latency.of(one), Criterion::Latency.of(other)))
    });
    Ok(Choice { character: Character::of(model.model()), candidates, criterion, duty })
}
