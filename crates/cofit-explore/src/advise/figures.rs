//! What suggestions are weighed by.

use cofit_chip::Chip;
use cofit_compile::plan::{Constraint, MemoryUse};
use cofit_vocab::{Bytes, FigureKind, Quantity};
use cranelift_entity::EntityRef;

use crate::verdict::{Measure, Status, energy_quantity};
use crate::{ConstraintResult, Evaluation};

/// The figures of one model on one chip.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Cycles of one inference in the reference clock; `None` where they are not simulated.
    pub cycles: Option<u64>,
    /// Seconds of one inference; `None` where a structural model has none to give.
    pub seconds: Option<f64>,
    /// How cycles and seconds are known.
    pub time_kind: FigureKind,
    /// Measured times over simulated ones: the lower and the upper end.
    pub interval: (f64, f64),
    /// Energy of one inference, or why it is not known.
    pub energy: Quantity,
    /// Activations, scratch and runtime state over all memories.
    pub ram: Bytes,
    /// Constants and code over all memories.
    pub stored: Bytes,
    /// Bytes moved by memory, in the card's order; `None` where they are not simulated.
    pub traffic: Option<Vec<(String, Bytes)>>,
    /// Constraints that are violated.
    pub violations: usize,
    /// By how much, in shares of their limits, refusals by rules counted as 1 each.
    pub excess: f64,
}

/// A change smaller than this share of a figure is none: nobody changes a network for it.
const LEAST: f64 = 0.01;

impl Figures {
    /// The figures of an evaluation.
    pub fn of(evaluation: &Evaluation, chip: &Chip) -> Self {
        let Evaluation { plan, profile, verdict } = evaluation;
        let uses = || plan.memories.values();
        let failed = || verdict.constraints.iter().filter(|it| it.status == Status::Fail);
        let rules = plan.refusals.iter().filter(|it| it.constraint != Constraint::Memory);
        let ram = |used: &MemoryUse| used.activations + used.scratch + used.runtime;
        let traffic = profile.traffic.iter().filter_map(|(id, moved)| {
            let memory = chip.memories.get(id.index())?;
            Some((memory.id.clone(), moved.total()))
        });
        Self {
            cycles: Some(profile.cycles.get()),
            seconds: (!profile.accuracy.is_structural).then(|| profile.steady_state().get()),
            time_kind: profile.accuracy.kind,
            interval: (profile.accuracy.low, profile.accuracy.high),
            energy: energy_quantity(profile),
            ram: uses().map(ram).sum(),
            stored: uses().map(|used| used.constants + used.code).sum(),
            traffic: Some(traffic.collect()),
            violations: failed().count(),
            excess: failed().filter_map(shortfall).sum::<f64>() + rules.count() as f64,
        }
    }

    /// Whether the model runs on the chip within the budget, as far as can be told.
    pub const fn fits(&self) -> bool {
        self.violations == 0
    }

    /// The time of one inference: seconds, or cycles where there are none; infinite where neither is
    /// known.
    pub fn time(&self) -> f64 {
        let cycles = self.cycles.map(|cycles| cycles as f64);
        self.seconds.or(cycles).unwrap_or(f64::INFINITY)
    }

    /// The figures one by one, `None` where one is not known; those of two evaluations on chips with
    /// the same memories stand at the same places. Seconds stand for cycles where they are known,
    /// since cycles of two clocks do not compare.
    fn list(&self, with_traffic: bool) -> Vec<Option<f64>> {
        let time = self.seconds.or(self.cycles.map(|cycles| cycles as f64));
        let joules = self.energy.figure().map(|figure| figure.value);
        let mut list = vec![time, joules, Some(self.ram.as_f64()), Some(self.stored.as_f64())];
        if with_traffic {
            let traffic = self.traffic.iter().flatten();
            list.extend(traffic.map(|(_, moved)| Some(moved.as_f64())));
        }
        list
    }

    /// Bytes moved by all memories together; the most there can be where they are not known.
    fn all_traffic(&self) -> Bytes {
        let sum = |moved: &Vec<(String, Bytes)>| moved.iter().map(|(_, moved)| *moved).sum();
        self.traffic.as_ref().map_or(Bytes::MAX, sum)
    }

    /// Both lists, of figures that both have.
    fn pairs(&self, other: &Self) -> Vec<(f64, f64)> {
        let names = |figures: &Self| -> Option<Vec<String>> {
            Some(figures.traffic.as_ref()?.iter().map(|(name, _)| name.clone()).collect())
        };
        let with_traffic = names(self).is_some() && names(self) == names(other);
        let (own, others) = (self.list(with_traffic), other.list(with_traffic));
        own.into_iter().zip(others).filter_map(|(a, b)| a.zip(b)).collect()
    }

    /// Whether a figure is better than `before` by a hundredth, or a violated constraint is less so.
    /// What moves from one memory to another is no gain of the first, unless all memories together
    /// move no more.
    pub fn helps(&self, before: &Self) -> bool {
        if self.violations > before.violations || self.excess > before.excess {
            return false;
        }
        let is_less = |(own, old): (Option<f64>, Option<f64>)| {
            own.zip(old).is_some_and(|(own, old)| own < old * (1.0 - LEAST))
        };
        self.violations < before.violations
            || self.excess < before.excess * (1.0 - LEAST)
            || self.list(false).into_iter().zip(before.list(false)).any(is_less)
            || self.all_traffic() <= before.all_traffic()
                && self.pairs(before).iter().any(|&(own, old)| is_less((Some(own), Some(old))))
    }

    /// Whether nothing here is worse than in `other` and something is better.
    pub fn dominates(&self, other: &Self) -> bool {
        let pairs = self.pairs(other);
        self.violations <= other.violations
            && self.excess <= other.excess
            && pairs.iter().all(|(own, other)| own <= other)
            && (self.excess < other.excess || pairs.iter().any(|(own, other)| own < other))
    }

    /// The time of one inference as a share of that of `before`; 1 where it is not known.
    pub fn time_share(&self, before: &Self) -> f64 {
        let share = |own: f64, old: f64| if old > 0.0 { own / old } else { 1.0 };
        match (self.seconds.zip(before.seconds), self.cycles.zip(before.cycles)) {
            (Some((own, old)), _) => share(own, old),
            (None, Some((own, old))) => share(own as f64, old as f64),
            (None, None) => 1.0,
        }
    }
}

/// How far a violated constraint is from its limit, as a share of the limit; `None` for rules, whose
/// refusals are counted one by one.
pub(crate) fn shortfall(result: &ConstraintResult) -> Option<f64> {
    let missing = -result.headroom?;
    let Measure::Figure(limit) = &result.limit else { return None };
    let limit = limit.figure()?.value;
    // A memory without any room is exceeded by whatever is put there.
    Some(if limit > 0.0 { missing / limit } else { missing })
}
