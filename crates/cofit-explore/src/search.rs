//! Search over a sketch's parameters and targets for the points that nothing beats.
//!
//! [`Space`] lists the axes and [`Point`] one value of each. [`Search`] proposes generations of points
//! and takes their outcomes; it never evaluates anything itself and knows no files, so a caller may
//! compute outcomes on any number of threads, or take them from a store.
//!
//! # Contract
//! - Every generation is a pure function of the space, the settings and the outcomes of the generations
//!   before. The same seed and outcomes give the same generations and the same front, bit for bit; a
//!   search that was interrupted is repeated from its stored outcomes.
//! - No point is proposed twice. A space with no more points than the search may evaluate is enumerated,
//!   and then the front is the true one.
//! - Constraints are hard: a point that breaks one is never on the front.

mod bounds;
mod enumerate;
mod front;
mod hypervolume;
mod nsga;
mod objective;
mod outcome;
mod random;
mod space;

use std::collections::HashSet;

pub use bounds::lower_bound;
pub use front::{Front, dominates};
pub use hypervolume::hypervolume;
pub use objective::{Limits, Objective, Proxy};
pub use outcome::{Candidate, Figures, Outcome, Score};
pub use space::{Axis, Point, Space};

use self::nsga::Member;
use self::random::Random;

/// How long and how a space is searched.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What is to be small, or large where more is better.
    pub objectives: Vec<Objective>,
    /// Most points that are evaluated.
    pub evaluations: usize,
    /// Points of a generation.
    pub population: usize,
    /// Where the random numbers start.
    pub seed: u64,
}

/// A point with its number and its outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Its number in the order in which points were proposed, from 1.
    pub id: u64,
    /// The point.
    pub point: Point,
    /// What came out.
    pub outcome: Outcome,
}

/// A search between two generations.
#[derive(Clone, Debug)]
pub struct Search {
    space: Space,
    settings: Settings,
    evaluated: Vec<Evaluated>,
    seen: HashSet<Point>,
    members: Vec<Member>,
    generation: u64,
}

impl Search {
    /// A search that has evaluated nothing.
    pub fn new(space: Space, settings: Settings) -> Self {
        Self {
            space,
            settings,
            evaluated: Vec::new(),
            seen: HashSet::new(),
            members: Vec::new(),
            generation: 0,
        }
    }

    /// The space.
    pub const fn space(&self) -> &Space {
        &self.space
    }

    /// The settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Everything that was evaluated, by number.
    pub fn evaluated(&self) -> &[Evaluated] {
        &self.evaluated
    }

    /// Whether every point of the space is evaluated, so that the front is the true one.
    pub fn is_exhaustive(&self) -> bool {
        self.space.size() <= self.settings.evaluations as u128
    }

    /// Points that the search will evaluate at most.
    pub fn planned(&self) -> usize {
        usize::try_from(self.space.size()).unwrap_or(usize::MAX).min(self.settings.evaluations)
    }

    /// The next points to evaluate, with their numbers; none when the search is over.
    pub fn propose(&self) -> Vec<(u64, Point)> {
        let left = self.settings.evaluations.saturating_sub(self.evaluated.len());
        let count = left.min(self.settings.population.max(1));
        let points = if self.is_exhaustive() {
            enumerate::points(&self.space, self.evaluated.len(), count)
        } else {
            let mut random = Random::new(self.settings.seed, self.generation);
            let mut draft = nsga::Draft::new(&self.space, &self.seen, count);
            if self.generation == 0 {
                draft.first(&mut random);
            } else {
                draft.next(&self.members, &mut random);
            }
            draft.points()
        };
        let first = self.evaluated.len() as u64 + 1;
        points.into_iter().enumerate().map(|(at, point)| (first + at as u64, point)).collect()
    }

    /// Takes the outcomes of what [`Self::propose`] gave, in its order.
    pub fn accept(&mut self, outcomes: Vec<(u64, Point, Outcome)>) {
        for (id, point, outcome) in outcomes {
            if !self.seen.insert(point.clone()) {
                continue;
            }
            let score = outcome.score(&self.settings.objectives);
            self.members.push(Member { point: point.clone(), score });
            self.evaluated.push(Evaluated { id, point, outcome });
        }
        nsga::survive(&mut self.members, self.settings.population.max(1));
        self.generation += 1;
    }

    /// The points that no other one beats, by number. Of points that are alike in every objective the
    /// first stands for all.
    pub fn front(&self) -> Vec<&Evaluated> {
        let mut front = Front::default();
        for (at, one) in self.evaluated.iter().enumerate() {
            if let Score::Feasible(values) = one.outcome.score(&self.settings.objectives) {
                front.offer(at, values);
            }
        }
        let mut kept: Vec<&Evaluated> = front.members().map(|at| &self.evaluated[at]).collect();
        kept.sort_by_key(|one| one.id);
        kept
    }

    /// The share of the box between the best and the worst value of every objective that the front
    /// dominates, 0 to 1; `None` while nothing is feasible, or where the front is too large to tell.
    pub fn dominated_share(&self) -> Option<f64> {
        let scores: Vec<Vec<f64>> = self
            .evaluated
            .iter()
            .filter_map(|one| match one.outcome.score(&self.settings.objectives) {
                Score::Feasible(values) => Some(values),
                Score::Infeasible(_) => None,
            })
            .collect();
        let first = scores.first()?;
        let (mut best, mut worst) = (first.clone(), first.clone());
        for values in &scores {
            for (at, value) in values.iter().enumerate() {
                best[at] = best[at].min(*value);
                worst[at] = worst[at].max(*value);
            }
        }
        let scaled: Vec<Vec<f64>> = self
            .front()
            .iter()
            .filter_map(|one| match one.outcome.score(&self.settings.objectives) {
                Score::Feasible(values) => Some(values),
                Score::Infeasible(_) => None,
            })
            .map(|values| {
                let share = |at: usize, value: f64| {
                    let span = worst[at] - best[at];
                    if span > 0.0 { (value - best[at]) / span } else { 0.0 }
                };
                values.iter().enumerate().map(|(at, value)| share(at, *value)).collect()
            })
            .collect();
        hypervolume(&scaled, &vec![1.0; best.len()])
    }
}

#[cfg(test)]
mod tests;
