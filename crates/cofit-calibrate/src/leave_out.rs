//! Predictions of each network by rows of the others.

use std::collections::BTreeMap;

use crate::fit::Posterior;
use crate::pool::Pool;

/// What was predicted for a row whose network took no part in the fit, on any chip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The row, by its place in the pool.
    pub row: usize,
    /// The logarithm of predicted over measured cycles.
    pub error: f64,
    /// How unsure the prediction was, as the standard deviation of that logarithm: of the effects
    /// and of the row's own trust.
    pub deviation: f64,
}

impl Prediction {
    /// The relative error: 0.1 where a tenth too much was predicted.
    pub fn relative(&self) -> f64 {
        self.error.exp() - 1.0
    }
}

/// Leaves out one network after the other, on every chip at once, and predicts its rows.
///
/// `progress` hears how many networks are done.
pub fn leave_networks_out(
    pool: &Pool,
    full: &Posterior,
    mut progress: impl FnMut(usize, usize),
) -> Vec<Prediction> {
    let mut networks: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, sample) in pool.samples.iter().enumerate() {
        networks.entry(sample.network).or_default().push(row);
    }
    let mut predictions = Vec::with_capacity(pool.samples.len());
    let count = networks.len();
    for (done, left_out) in networks.values().enumerate() {
        progress(done, count);
        let others: Vec<usize> =
            (0..pool.samples.len()).filter(|row| left_out.binary_search(row).is_err()).collect();
        let posterior = pool.problem.fit(&others, Some(&full.effects));
        for &row in left_out {
            let observation = &pool.problem.observations[row];
            let (value, deviation) = posterior.predict(observation);
            predictions.push(Prediction {
                row,
                error: value - observation.measured,
                deviation: deviation.hypot(observation.width),
            });
        }
    }
    predictions.sort_unstable_by_key(|prediction| prediction.row);
    predictions
}

/// The indices of networks, those that are the same to the eye of a cost model under one: the same
/// number of operators with multiplications of each kind, and multiplications within two hundredths.
/// A network that was trained on other data, or published under another name, is no other network.
pub fn same_networks(networks: &[(Vec<u32>, u64)]) -> Vec<usize> {
    let mut indices: Vec<usize> = Vec::with_capacity(networks.len());
    for (at, (kinds, macs)) in networks.iter().enumerate() {
        let twin = networks[..at].iter().position(|(other_kinds, other_macs)| {
            let (less, more) = (macs.min(other_macs), macs.max(other_macs));
            kinds == other_kinds && *more as f64 <= *less as f64 * 1.02
        });
        indices.push(twin.map_or(at, |twin| indices[twin]));
    }
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_are_one_network() {
        let networks =
            [(vec![1, 2], 1000), (vec![1, 2], 1015), (vec![2, 2], 1000), (vec![1, 2], 5000)];
        assert_eq!(same_networks(&networks), vec![0, 0, 2, 3]);
    }
}
