//! Residuals to intervals whose coverage is checked.
//!
//! A prediction says itself how unsure it is ([`crate::fit::Posterior::predict`]): little for a
//! library, core and kind of layer that many rows are of, much where only priors speak. How much
//! wider than that the truth lies is measured: the errors of predictions whose network was left out,
//! each divided by its own deviation, are the scores, and the quantile of the scores at the wanted
//! coverage multiplies every later deviation (split conformal prediction with a normalised score;
//! J. Lei et al., Distribution-Free Predictive Inference for Regression, 2018, section 5.2).

use std::collections::{BTreeMap, BTreeSet};

use crate::leave_out::Prediction;

/// The coverage that intervals are made for.
pub const NOMINAL: f64 = 0.9;

/// The factor on deviations by which the share `coverage` of the predictions holds the truth; with the
/// finite-sample correction, the smallest score that at least `coverage * (n + 1)` scores do not
/// exceed. Nothing without predictions.
pub fn factor<'a>(
    predictions: impl IntoIterator<Item = &'a Prediction>,
    coverage: f64,
) -> Option<f64> {
    let mut scores: Vec<f64> = predictions
        .into_iter()
        .map(|prediction| prediction.error.abs() / prediction.deviation)
        .filter(|score| score.is_finite())
        .collect();
    scores.sort_unstable_by(f64::total_cmp);
    let wanted = (coverage * (scores.len() + 1) as f64).ceil() as usize;
    scores.get(wanted.clamp(1, scores.len().max(1)) - 1).copied()
}

/// For each network the factor from the scores of the others: the one that its own rows may be judged
/// by. `network` names a row's network.
pub fn factors(
    predictions: &[Prediction],
    network: impl Fn(usize) -> usize,
    coverage: f64,
) -> BTreeMap<usize, f64> {
    let networks: BTreeSet<usize> =
        predictions.iter().map(|prediction| network(prediction.row)).collect();
    networks
        .into_iter()
        .filter_map(|own| {
            let others = predictions.iter().filter(|other| network(other.row) != own);
            Some((own, factor(others, coverage)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(row: usize, error: f64, deviation: f64) -> Prediction {
        Prediction { row, error, deviation }
    }

    #[test]
    fn the_factor_is_the_quantile_of_normalised_errors() {
        let predictions: Vec<Prediction> = (1..=9)
            .map(|n| prediction(n, if n % 2 == 0 { -1.0 } else { 1.0 } * n as f64 * 0.2, 0.1))
            .collect();
        let factor = factor(&predictions, 0.9).expect("there are predictions");
        assert!((factor - 18.0).abs() < 1e-9, "the ninth of nine: {factor}");
        assert_eq!(super::factor(&[], 0.9), None);
    }

    #[test]
    fn coverage_is_about_nominal_where_scores_are_alike() {
        let predictions: Vec<Prediction> =
            (0..200).map(|n| prediction(n, (n % 100) as f64 / 100.0, 1.0)).collect();
        let factors = factors(&predictions, |row| row % 50, 0.9);
        let held = predictions
            .iter()
            .filter(|one| one.error <= factors[&(one.row % 50)] * one.deviation)
            .count();
        let share = held as f64 / predictions.len() as f64;
        assert!((0.88..=0.92).contains(&share), "{share}");
    }
}
