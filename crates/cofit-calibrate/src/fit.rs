//! The most probable effects under measured rows.
//!
//! Minimises, over the effects `x`,
//!
//! ```text
//! sum over rows    ((log(sum over terms amount * exp(base + effects)) - log measured) / width)^2
//! + sum over effects (x / prior width)^2
//! ```
//!
//! by Gauss-Newton. A step is solved in the space of rows, of which there are fewer than effects:
//! with the Jacobian `J`, prior variances `V` and row variances `R`, it is `V J' (J V J' + R)^-1` of
//! the residuals. The same matrix gives the variance of a prediction.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

/// The place of an effect in a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId(pub u32);

/// A product of an amount and of `exp(base + sum of weight * effect)`.
#[derive(Clone, Debug, PartialEq)]
pub struct LogTerm {
    /// How often the coefficient counts.
    pub amount: f64,
    /// The logarithm of the coefficient's prior mean.
    pub base: f64,
    /// The effects that the coefficient depends on, with weights.
    pub effects: Vec<(EffectId, f64)>,
}

/// A measured row as the fit sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The terms whose sum was measured.
    pub terms: Vec<LogTerm>,
    /// The logarithm of what was measured.
    pub measured: f64,
    /// The standard deviation of that logarithm.
    pub width: f64,
}

/// Rows and effects.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    /// Prior standard deviation of each effect.
    pub prior_widths: Vec<f64>,
    /// The rows.
    pub observations: Vec<Observation>,
}

/// How often a Gauss-Newton step is taken at most. Problems of the catalogue take five to ten.
const STEPS: usize = 40;

/// How often a step is halved at most where the full one makes the objective worse.
const HALVINGS: usize = 12;

/// The relative improvement of the objective below which the mode is found.
const ENOUGH: f64 = 1e-7;

/// The largest exponent that is evaluated; beyond it a coefficient is no time any more.
const EXPONENT_LIMIT: f64 = 60.0;

/// A row's prediction at given effects: its logarithm, and how much each effect moves it.
struct Linear {
    value: f64,
    slope: Vec<(u32, f64)>,
}

impl Observation {
    fn linear(&self, effects: &[f64]) -> Linear {
        let mut parts = Vec::with_capacity(self.terms.len());
        let mut sum = 0.0;
        for term in &self.terms {
            let part = term.amount * exponential(term, effects);
            parts.push(part);
            sum += part;
        }
        let mut slope: Vec<(u32, f64)> = Vec::new();
        for (term, part) in self.terms.iter().zip(parts) {
            let share = part / sum;
            slope.extend(term.effects.iter().map(|&(id, weight)| (id.0, share * weight)));
        }
        slope.sort_unstable_by_key(|&(id, _)| id);
        slope.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        Linear { value: sum.ln(), slope }
    }

    fn value(&self, effects: &[f64]) -> f64 {
        self.terms.iter().map(|term| term.amount * exponential(term, effects)).sum::<f64>().ln()
    }
}

fn exponential(term: &LogTerm, effects: &[f64]) -> f64 {
    let sum: f64 = term.effects.iter().map(|&(id, weight)| effects[id.0 as usize] * weight).sum();
    (term.base + sum).clamp(-EXPONENT_LIMIT, EXPONENT_LIMIT).exp()
}

/// The product of two sorted sparse vectors, each entry times `scale` of its place.
fn product(left: &[(u32, f64)], right: &[(u32, f64)], scale: &[f64]) -> f64 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while i < left.len() && j < right.len() {
        match left[i].0.cmp(&right[j].0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += left[i].1 * right[j].1 * scale[left[i].0 as usize];
                i += 1;
                j += 1;
            }
        }
    }
    sum
}

/// The mode of the posterior, with what its uncertainty needs.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// The effects.
    pub effects: Vec<f64>,
    variances: Vec<f64>,
    slopes: Vec<Vec<(u32, f64)>>,
    factor: Option<Cholesky<f64, Dyn>>,
}

impl Problem {
    /// An effect with this prior standard deviation.
    pub fn effect(&mut self, prior_width: f64) -> EffectId {
        self.prior_widths.push(prior_width);
        EffectId(self.prior_widths.len() as u32 - 1)
    }

    /// The mode under the rows `chosen`, from `start` on; from the priors' means where there is none.
    pub fn fit(&self, chosen: &[usize], start: Option<&[f64]>) -> Posterior {
        let variances: Vec<f64> = self.prior_widths.iter().map(|width| width * width).collect();
        let mut effects = start.map_or_else(|| vec![0.0; variances.len()], <[f64]>::to_vec);
        let rows: Vec<&Observation> = chosen.iter().map(|&row| &self.observations[row]).collect();
        let objective = |effects: &[f64]| -> f64 {
            let misfit: f64 = rows
                .iter()
                .map(|row| ((row.value(effects) - row.measured) / row.width).powi(2))
                .sum();
            let departure: f64 = effects
                .iter()
                .zip(&variances)
                .map(|(effect, variance)| effect * effect / variance)
                .sum();
            misfit + departure
        };
        let mut best = objective(&effects);
        let mut slopes = Vec::new();
        let mut factor = None;
        for _ in 0..STEPS {
            let lines: Vec<Linear> = rows.iter().map(|row| row.linear(&effects)).collect();
            let mut matrix = DMatrix::zeros(rows.len(), rows.len());
            for i in 0..rows.len() {
                for j in 0..=i {
                    matrix[(i, j)] = product(&lines[i].slope, &lines[j].slope, &variances);
                }
                matrix[(i, i)] += rows[i].width * rows[i].width;
            }
            let Some(cholesky) = Cholesky::new(matrix) else { break };
            let residuals = DVector::from_iterator(
                rows.len(),
                rows.iter().zip(&lines).map(|(row, line)| {
                    let along: f64 =
                        line.slope.iter().map(|&(id, slope)| slope * effects[id as usize]).sum();
                    row.measured - line.value + along
                }),
            );
            let weights = cholesky.solve(&residuals);
            let mut target = vec![0.0; effects.len()];
            for (line, weight) in lines.iter().zip(weights.iter()) {
                for &(id, slope) in &line.slope {
                    target[id as usize] += variances[id as usize] * slope * weight;
                }
            }
            slopes = lines.into_iter().map(|line| line.slope).collect();
            factor = Some(cholesky);
            let mut length = 1.0;
            let improved = (0..HALVINGS).find_map(|_| {
                let trial: Vec<f64> = effects
                    .iter()
                    .zip(&target)
                    .map(|(from, to)| from + length * (to - from))
                    .collect();
                length /= 2.0;
                let value = objective(&trial);
                (value < best).then_some((trial, value))
            });
            let Some((trial, value)) = improved else { break };
            let gain = best - value;
            (effects, best) = (trial, value);
            if gain < ENOUGH * best.max(1.0) {
                break;
            }
        }
        Posterior { effects, variances, slopes, factor }
    }
}

impl Posterior {
    /// The posterior with effects that `problem` was given since: no row told anything of them, so they
    /// are at their prior's mean, and as unsure.
    #[must_use]
    pub fn with_effects(&self, problem: &Problem) -> Self {
        let mut posterior = self.clone();
        for width in &problem.prior_widths[self.effects.len()..] {
            posterior.effects.push(0.0);
            posterior.variances.push(width * width);
        }
        posterior
    }

    /// The logarithm of a row's prediction, and its standard deviation from the effects alone: what
    /// the row itself measures badly is not in it.
    pub fn predict(&self, terms: &Observation) -> (f64, f64) {
        let line = terms.linear(&self.effects);
        let own = product(&line.slope, &line.slope, &self.variances);
        let known = self.factor.as_ref().map_or(0.0, |factor| {
            let shared = DVector::from_iterator(
                self.slopes.len(),
                self.slopes.iter().map(|row| product(row, &line.slope, &self.variances)),
            );
            shared.dot(&factor.solve(&shared))
        });
        (line.value, (own - known).max(0.0).sqrt())
    }

    /// The logarithm of a coefficient: its prior mean and its effects.
    pub fn coefficient(&self, base: f64, effects: &[(EffectId, f64)]) -> f64 {
        base + effects.iter().map(|&(id, weight)| self.effects[id.0 as usize] * weight).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two coefficients, rows of known mixtures of them.
    fn mixture(rows: &[(f64, f64)], truth: (f64, f64), width: f64) -> Problem {
        let mut problem = Problem::default();
        let first = problem.effect(1.0);
        let second = problem.effect(1.0);
        for &(a, b) in rows {
            let term = |amount, id| LogTerm { amount, base: 0.0, effects: vec![(id, 1.0)] };
            problem.observations.push(Observation {
                terms: vec![term(a, first), term(b, second)],
                measured: (a * truth.0.exp() + b * truth.1.exp()).ln(),
                width,
            });
        }
        problem
    }

    #[test]
    fn rows_that_tell_all_are_followed() {
        let problem = mixture(&[(1.0, 9.0), (9.0, 1.0), (5.0, 5.0)], (0.7, -0.9), 1e-3);
        let posterior = problem.fit(&[0, 1, 2], None);
        assert!((posterior.effects[0] - 0.7).abs() < 0.01, "{:?}", posterior.effects);
        assert!((posterior.effects[1] + 0.9).abs() < 0.01, "{:?}", posterior.effects);
    }

    #[test]
    fn what_no_row_tells_stays_at_the_prior() {
        let mut problem = mixture(&[(4.0, 0.0)], (0.5, 0.0), 1e-3);
        problem.observations[0].terms.pop();
        let posterior = problem.fit(&[0], None);
        assert_eq!(posterior.effects[1], 0.0);
        let unseen = Observation {
            terms: vec![LogTerm { amount: 1.0, base: 0.0, effects: vec![(EffectId(1), 1.0)] }],
            measured: 0.0,
            width: 1.0,
        };
        let (value, deviation) = posterior.predict(&unseen);
        assert_eq!(value, 0.0);
        assert!((deviation - 1.0).abs() < 1e-9, "as unsure as the prior: {deviation}");
    }

    #[test]
    fn no_rows_leave_the_priors() {
        let problem = mixture(&[(1.0, 1.0)], (0.5, 0.5), 0.1);
        assert_eq!(problem.fit(&[], None).effects, vec![0.0, 0.0]);
    }

    proptest! {
        /// With one row and one effect the posterior is the textbook one: a mean of prior and
        /// measurement, weighted by their precisions.
        #[test]
        fn one_row_is_weighted_by_precision(shift in -2.0_f64..2.0, width in 0.01_f64..1.0) {
            let mut problem = Problem::default();
            let id = problem.effect(0.5);
            problem.observations.push(Observation {
                terms: vec![LogTerm { amount: 3.0, base: 0.2, effects: vec![(id, 1.0)] }],
                measured: 3_f64.ln() + 0.2 + shift,
                width,
            });
            let posterior = problem.fit(&[0], None);
            let expected = shift * 0.25 / (0.25 + width * width);
            prop_assert!((posterior.effects[0] - expected).abs() < 1e-6);
            let (_, deviation) = posterior.predict(&problem.observations[0]);
            let exact = (0.25 * width * width / (0.25 + width * width)).sqrt();
            prop_assert!((deviation - exact).abs() < 1e-6);
        }

        #[test]
        fn a_fit_never_fits_worse_than_the_prior(
            rows in prop::collection::vec((0.0_f64..10.0, 0.1_f64..10.0), 1..8),
            truth in (-1.5_f64..1.5, -1.5_f64..1.5),
        ) {
            let problem = mixture(&rows, truth, 0.1);
            let all: Vec<usize> = (0..rows.len()).collect();
            let posterior = problem.fit(&all, None);
            let misfit = |effects: &[f64]| -> f64 {
                problem.observations.iter().map(|row| (row.value(effects) - row.measured).powi(2)).sum()
            };
            prop_assert!(misfit(&posterior.effects) <= misfit(&[0.0, 0.0]) + 1e-9);
        }
    }
}
