//! What decides about a candidate.

use super::{Choice, Engines};
use crate::verdict::Status;

/// What decides about a candidate: the first of these that holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// It breaks a constraint: the position of the first in its verdict.
    Violates(usize),
    /// A constraint cannot be told: the position of the first in its verdict.
    Untold(usize),
    /// What it is ranked by is not known of it.
    Unranked,
    /// It is the best: by so many times better than the next of another chip, where there is one.
    Best(Option<f64>),
    /// It is so many times the best.
    Behind(f64),
    /// Its own chip does better with its engines together, or with another one: so many times.
    BehindOwn {
        /// The way that does better.
        engines: Engines,
        /// So many times.
        ratio: f64,
    },
}

impl Choice {
    /// What decides about the candidate at `at`.
    pub fn reason(&self, at: usize) -> Reason {
        let candidate = &self.candidates[at];
        let verdict = &candidate.evaluation.verdict;
        let first = |status: Status| {
            verdict.constraints.iter().position(|constraint| constraint.status == status)
        };
        if let Some(position) = first(Status::Fail) {
            return Reason::Violates(position);
        }
        if let Some(position) = first(Status::Unknown) {
            return Reason::Untold(position);
        }
        let Some(own) = self.criterion.of(candidate) else { return Reason::Unranked };
        let ratio = |other: f64| if own > 0.0 { other / own } else { 1.0 };
        if at == 0 {
            let next = self.candidates[1..].iter().find(|other| {
                other.chip != candidate.chip
                    && other.evaluation.verdict.status == Status::Pass
                    && self.criterion.of(other).is_some()
            });
            return Reason::Best(next.and_then(|next| self.criterion.of(next)).map(ratio));
        }
        let sibling = self.candidates[..at].iter().find(|other| other.chip == candidate.chip);
        let better = sibling.unwrap_or(&self.candidates[0]);
        let Some(best) = self.criterion.of(better) else { return Reason::Unranked };
        let ratio = if best > 0.0 { own / best } else { 1.0 };
        match sibling {
            Some(sibling) => Reason::BehindOwn { engines: sibling.engines.clone(), ratio },
            None => Reason::Behind(ratio),
        }
    }
}
