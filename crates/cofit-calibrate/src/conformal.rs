//! Residuals to intervals whose coverage is checked.
//!
//! A prediction says itself how unsure it is ([`crate::fit::Posterior::predict`]): little for a
//! library, core and kind of layer that many rows are of, much where only priors speak. How much
//! wider than that the truth lies is measured: the errors of predictions whose network was left out,
//! each divided by its own deviation, are the scores, and the quantile of the scores at the wanted
//! coverage multiplies every later deviation (split conformal prediction with a normalised score;
//! J. Lei et al., Distribution-Free Predictive Inference for Regression, 2018, section 5.2). Scores of
//! the same library and chip count more than others (weighted conformal prediction; R. Tibshirani
//! et al., Conformal Prediction Under Covariate Shift, 2019). Coverage is measured with each network's
//! intervals made from the scores of the others.

use crate::hierarchy::Setting;
use crate::leave_out::Prediction;
use crate::pool::Pool;

/// The coverage that intervals are made for.
pub const NOMINAL: f64 = 0.9;

/// How much a score made on one setting counts for another: rows of the same library on the same chip
/// most, rows that share nothing a little.
pub fn likeness(left: &Setting, right: &Setting) -> f64 {
    match (left.library == right.library, left.card == right.card, left.core == right.core) {
        (true, true, _) => 1.0,
        (true, false, true) => 0.25,
        (true, false, false) => 0.1,
        (false, true, _) => 0.05,
        (false, false, _) => 0.01,
    }
}

/// The factor on deviations by which the share `coverage` of the scores, each with its weight, is not
/// exceeded. The share is raised as if one more score of the mean weight lay beyond all of them, which
/// is the correction for few scores. Nothing without scores.
pub fn factor(scores: impl IntoIterator<Item = (f64, f64)>, coverage: f64) -> Option<f64> {
    let mut scores: Vec<(f64, f64)> =
        scores.into_iter().filter(|(score, weight)| score.is_finite() && *weight > 0.0).collect();
    scores.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
    let total: f64 = scores.iter().map(|(_, weight)| weight).sum();
    let squares: f64 = scores.iter().map(|(_, weight)| weight * weight).sum();
    // As many equal scores as these are worth.
    let count = if squares > 0.0 { total * total / squares } else { return None };
    let wanted = coverage * (count + 1.0) / count * total;
    let mut sum = 0.0;
    for (score, weight) in &scores {
        sum += weight;
        if sum >= wanted {
            return Some(*score);
        }
    }
    scores.last().map(|(score, _)| *score)
}

/// Scores of predictions, with where each was made and of which network it is.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    list: Vec<(Setting, usize, f64)>,
}

impl Scores {
    /// The scores of predictions of a pool's rows.
    pub fn of<'a>(pool: &Pool, predictions: impl IntoIterator<Item = &'a Prediction>) -> Self {
        let list = predictions.into_iter().map(|prediction| {
            let sample = &pool.samples[prediction.row];
            let score = prediction.error.abs() / prediction.deviation;
            (sample.setting.clone(), sample.network, score)
        });
        Self { list: list.collect() }
    }

    /// The factor for `setting`, from the scores of all networks but `except`.
    pub fn factor(&self, setting: &Setting, except: Option<usize>, coverage: f64) -> Option<f64> {
        let others = self.list.iter().filter(|(_, network, _)| Some(*network) != except);
        factor(others.map(|(from, _, score)| (*score, likeness(setting, from))), coverage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_is_a_quantile_with_a_correction() {
        let scores = (1..=9).map(|n| (f64::from(n), 1.0));
        assert_eq!(factor(scores, 0.9), Some(9.0), "the ninth of nine");
        let scores = (1..=99).map(|n| (f64::from(n), 1.0));
        assert_eq!(factor(scores, 0.9), Some(90.0));
        assert_eq!(factor([], 0.9), None);
        assert_eq!(factor([(f64::NAN, 1.0)], 0.9), None);
    }

    #[test]
    fn near_scores_decide_and_far_ones_fill_up() {
        let near = (0..50).map(|n| (f64::from(n) / 50.0, 1.0));
        let far = (0..50).map(|n| (f64::from(n), 0.01));
        let found = factor(near.chain(far), 0.9).expect("there are scores");
        assert!((0.9..2.0).contains(&found), "{found}");
    }

    #[test]
    fn likeness_falls_with_distance() {
        let setting = |library: &str, core: &str, card: &str| Setting {
            library: library.to_owned(),
            release: String::new(),
            core: core.to_owned(),
            card: card.to_owned(),
        };
        let here = setting("a", "m4", "one");
        let others = [
            setting("a", "m4", "one"),
            setting("a", "m4", "two"),
            setting("a", "m7", "three"),
            setting("b", "m4", "one"),
            setting("b", "m7", "three"),
        ];
        let likeness: Vec<f64> = others.iter().map(|other| likeness(&here, other)).collect();
        assert!(likeness.is_sorted_by(|left, right| left > right), "{likeness:?}");
    }
}
