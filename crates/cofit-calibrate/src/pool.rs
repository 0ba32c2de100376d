//! Every row of every chip as one problem.

use cofit_sim::terms::{Term, Terms};

use crate::fit::{EffectId, LogTerm, Observation, Posterior, Problem};
use crate::hierarchy::{Effects, Setting, prior};
use crate::rows::{Level, Row};

/// A row with what was run and where.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What it was measured on.
    pub setting: Setting,
    /// The network; rows of one network are left out together.
    pub network: usize,
    /// Cycles measured.
    pub cycles: f64,
    /// The standard deviation of their logarithm that the row is trusted with.
    pub width: f64,
    /// What the card's coefficients count in it.
    pub terms: Terms,
}

/// What coefficients are before any row speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Means {
    /// Those of [`crate::hierarchy::PRIOR`], for rows of many chips and libraries.
    #[default]
    Stated,
    /// Those of the card, for rows of one chip and library.
    Card,
}

/// The rows of a pool as a problem.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    /// The rows.
    pub samples: Vec<Sample>,
    /// Their problem; observations are in the order of the samples.
    pub problem: Problem,
    means: Means,
    effects: Effects,
}

impl Pool {
    /// An empty pool.
    pub fn around(means: Means) -> Self {
        Self { means, ..Self::default() }
    }

    /// Adds a row. One without any term that has a prior is refused.
    pub fn add(&mut self, sample: Sample) -> bool {
        let observation = self.observation(&sample);
        let is_useful = !observation.terms.is_empty()
            && sample.cycles.is_finite()
            && sample.cycles > 0.0
            && sample.width > 0.0;
        if is_useful {
            self.problem.observations.push(observation);
            self.samples.push(sample);
        }
        is_useful
    }

    /// A row as the problem sees it, whether it is one of the pool or not.
    pub fn observation(&mut self, sample: &Sample) -> Observation {
        let terms =
            sample.terms.terms.iter().filter_map(|term| self.log_term(term, &sample.setting));
        Observation { terms: terms.collect(), measured: sample.cycles.ln(), width: sample.width }
    }

    fn log_term(&mut self, term: &Term, setting: &Setting) -> Option<LogTerm> {
        let (base, effects) = self.coefficient(term, setting)?;
        Some(LogTerm { amount: term.amount, base, effects })
    }

    /// A coefficient in a setting: the logarithm of its prior mean, and its effects.
    pub fn coefficient(
        &mut self,
        term: &Term,
        setting: &Setting,
    ) -> Option<(f64, Vec<(EffectId, f64)>)> {
        let (mean, effects) = match self.means {
            Means::Stated => {
                let mean = prior(&term.coefficient, term.value)?;
                (mean, self.effects.of(&term.coefficient, setting, &mut self.problem))
            }
            Means::Card => {
                let mean = Some(term.value).filter(|value| *value > 0.0)?;
                (mean, self.effects.around_card(&term.coefficient, &mut self.problem))
            }
        };
        Some((mean.ln(), effects))
    }

    /// The fit of all rows.
    pub fn fit(&self) -> Posterior {
        let all: Vec<usize> = (0..self.samples.len()).collect();
        self.problem.fit(&all, None)
    }
}

/// How far rows of a source are trusted: the standard deviation of a time's logarithm. The first word
/// that the row's source or runtime holds decides.
///
/// The order is that of how they were made: logs that others audited; the same files measured by one
/// bench on several boards; vendors' tables; collections by many hands, whose compilers, flash speeds
/// and clocks differ from row to row.
const TRUST: &[(&str, f64)] = &[
    ("MLPerf", 0.05),
    ("mlcommons", 0.05),
    ("mcufit", 0.05),
    ("TinyMaix", 0.12),
    ("ncnn", 0.10),
    ("XNNPACK", 0.10),
];

/// Trust in a row of any other source.
const OTHERS: f64 = 0.08;

/// Share of a time's last written place that it may be off, as a standard deviation: a uniform error
/// of half a place.
const ROUNDING: f64 = 0.577;

/// The width that a row is trusted with.
pub fn trust(row: &Row) -> f64 {
    let texts = [&row.source, &row.release, &row.note];
    let stated = TRUST.iter().find(|(word, _)| texts.iter().any(|text| text.contains(word)));
    let own = stated.map_or(OTHERS, |&(_, width)| width);
    let latency = row.latency.map_or(0.0, |latency| latency.get());
    let rounding = if latency > 0.0 && row.cycles.is_none() {
        ROUNDING * row.resolution.get() / latency
    } else {
        0.0
    };
    // A layer's own time has the profiler's in it.
    let level = match row.level {
        Level::Model => 0.0,
        Level::Layer | Level::Kernel => 0.1,
    };
    (own * own + rounding * rounding + level * level).sqrt()
}
