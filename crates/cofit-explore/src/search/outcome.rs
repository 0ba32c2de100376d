//! What is known of a point once it is evaluated.

use cofit_vocab::{Figure, FigureKind, Quantity, Unit};

use super::objective::{Limits, Objective};
use crate::Evaluation;
use crate::verdict::{ConstraintResult, Measure, Status, energy_quantity, latency_figure};

/// The figures of a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// The time of one inference, or why nobody can tell.
    pub latency: Quantity,
    /// The energy of one inference, or why nobody can tell.
    pub energy: Quantity,
    /// Bytes of activations, scratch areas and the runtime's state, over all memories.
    pub sram: u64,
    /// Bytes of constants and code, over all memories.
    pub flash: u64,
    /// Bytes read and written in one inference, over all memories.
    pub traffic: u64,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Weights and biases.
    pub parameters: u64,
    /// What a training function said, or the proxy; `None` while nobody has told.
    pub accuracy: Option<f64>,
}

/// What came out of evaluating a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It runs and keeps every limit.
    Feasible(Figures),
    /// It was planned, and breaks a rule of the chip or a limit of the user's.
    Refused {
        /// Its figures.
        figures: Figures,
        /// By how much it misses, relative to the limits; above zero.
        violation: f64,
        /// The first thing that is broken.
        reason: String,
    },
    /// It was not planned: it cannot be built, or cannot fit whatever the plan.
    Pruned {
        /// By how much it misses, relative to the limit; above zero.
        violation: f64,
        /// Why.
        reason: String,
    },
}

/// An outcome as the search compares it.
#[derive(Clone, Debug, PartialEq)]
pub enum Score {
    /// One value for each objective; less is better.
    Feasible(Vec<f64>),
    /// By how much it misses its limits.
    Infeasible(f64),
}

/// The sizes that a candidate has whatever the chip makes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Weights and biases.
    pub parameters: u64,
}

impl Figures {
    /// The value of an objective; `None` where nobody can tell.
    pub fn get(&self, objective: Objective) -> Option<Figure> {
        let bytes = |count: u64, kind| Figure::point(count as f64, Unit::Bytes, kind);
        match objective {
            Objective::Latency => self.latency.figure().copied(),
            Objective::Energy => self.energy.figure().copied(),
            Objective::Sram => Some(bytes(self.sram, FigureKind::Planned)),
            Objective::Flash => Some(bytes(self.flash, FigureKind::Planned)),
            Objective::Traffic => Some(bytes(self.traffic, FigureKind::Simulated)),
            Objective::Accuracy => {
                self.accuracy.map(|value| Figure::point(value, Unit::One, FigureKind::Sampled))
            }
        }
    }

    /// What is broken, with by how much.
    fn breaches(&self, limits: &Limits) -> Vec<(f64, String)> {
        let mut found = Vec::new();
        let mut most = |name: &str, need: Option<f64>, limit: Option<f64>| match (need, limit) {
            (_, None) => {}
            (None, Some(_)) => found.push((1.0, format!("the {name} is unknown"))),
            (Some(need), Some(limit)) if need > limit => {
                found.push((relative(need - limit, limit), format!("{name} above its limit")));
            }
            (Some(_), Some(_)) => {}
        };
        most("latency", self.latency.figure().map(|one| one.value), limits.latency);
        most("energy", self.energy.figure().map(|one| one.value), limits.energy);
        let bytes = |limit: Option<u64>| limit.map(|limit| limit as f64);
        most("sram", Some(self.sram as f64), bytes(limits.sram));
        most("flash", Some(self.flash as f64), bytes(limits.flash));
        most("traffic", Some(self.traffic as f64), bytes(limits.traffic));
        if let (Some(reached), Some(least)) = (self.accuracy, limits.accuracy)
            && reached < least
        {
            found.push((relative(least - reached, least), "accuracy below its limit".to_owned()));
        }
        found
    }
}

/// A miss relative to a limit; above zero and finite.
fn relative(miss: f64, limit: f64) -> f64 {
    let share = if limit > 0.0 { miss / limit } else { miss };
    if share.is_finite() { share.clamp(f64::MIN_POSITIVE, 1e12) } else { 1e12 }
}

impl Outcome {
    /// What an evaluation means under the user's limits.
    pub fn of(evaluation: &Evaluation, candidate: Candidate, limits: &Limits) -> Self {
        let Evaluation { plan, profile, verdict } = evaluation;
        let memories = || plan.memories.values();
        let latency = if profile.accuracy.is_structural {
            Quantity::Unavailable("uncalibrated, structural model only".to_owned())
        } else {
            latency_figure(profile).into()
        };
        let figures = Figures {
            latency,
            energy: energy_quantity(profile),
            sram: memories().fold(0, |sum: u64, used| {
                let need = used.activations + used.scratch + used.runtime;
                sum.saturating_add(need.get())
            }),
            flash: memories()
                .fold(0, |sum: u64, used| sum.saturating_add((used.constants + used.code).get())),
            traffic: profile
                .traffic
                .values()
                .fold(0, |sum: u64, moved| sum.saturating_add(moved.total().get())),
            macs: candidate.macs,
            parameters: candidate.parameters,
            accuracy: None,
        };
        let mut broken: Vec<(f64, String)> = verdict
            .constraints
            .iter()
            .filter(|result| result.status == Status::Fail)
            .map(|result| (miss(result), rule(result)))
            .collect();
        broken.extend(figures.breaches(limits));
        Self::judged(figures, &broken)
    }

    /// The same outcome once its accuracy is known, under the user's limit for it. Only a feasible
    /// outcome has an accuracy.
    #[must_use]
    pub fn with_accuracy(self, accuracy: f64, limits: &Limits) -> Self {
        match self {
            Self::Feasible(figures) => {
                let figures = Figures { accuracy: Some(accuracy), ..figures };
                let broken = figures.breaches(limits);
                Self::judged(figures, &broken)
            }
            Self::Refused { .. } | Self::Pruned { .. } => self,
        }
    }

    fn judged(figures: Figures, broken: &[(f64, String)]) -> Self {
        match broken.first() {
            None => Self::Feasible(figures),
            Some((_, reason)) => Self::Refused {
                figures,
                violation: broken.iter().map(|(miss, _)| miss).sum(),
                reason: reason.clone(),
            },
        }
    }

    /// Its figures, where it was planned.
    pub const fn figures(&self) -> Option<&Figures> {
        match self {
            Self::Feasible(figures) | Self::Refused { figures, .. } => Some(figures),
            Self::Pruned { .. } => None,
        }
    }

    /// The word in JSON and in studies.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Feasible(_) => "feasible",
            Self::Refused { .. } => "refused",
            Self::Pruned { .. } => "pruned",
        }
    }

    /// The outcome as the search compares it. A feasible point of which an objective is unknown is
    /// not comparable, and counts as one that misses by its whole limit.
    pub fn score(&self, objectives: &[Objective]) -> Score {
        match self {
            Self::Feasible(figures) => objectives
                .iter()
                .map(|&objective| {
                    let value = figures.get(objective)?.value;
                    Some(if objective == Objective::Accuracy { -value } else { value })
                })
                .collect::<Option<Vec<f64>>>()
                .map_or(Score::Infeasible(1.0), Score::Feasible),
            Self::Refused { violation, .. } | Self::Pruned { violation, .. } => {
                Score::Infeasible(*violation)
            }
        }
    }
}

/// By how much a constraint is missed, relative to its limit; 1 where no number says it.
fn miss(result: &ConstraintResult) -> f64 {
    match (&result.limit, result.headroom) {
        (Measure::Figure(limit), Some(headroom)) if headroom < 0.0 => {
            relative(-headroom, limit.figure().map_or(0.0, |limit| limit.value))
        }
        _ => 1.0,
    }
}

/// A broken constraint in a few words.
fn rule(result: &ConstraintResult) -> String {
    match result.rule {
        Some(rule) => format!("{} ({})", result.name, rule.id),
        None => result.name.clone(),
    }
}
