//! How wrong predictions were, by chip, runtime and network.

use std::collections::BTreeSet;

use cofit_vocab::Hertz;

/// How a prediction was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// By coefficients fitted to rows of other networks.
    Fitted,
    /// By a timing model's own equations, whose parameters are the card's and saw no network.
    Equations,
}

impl Method {
    /// The word in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fitted => "fitted",
            Self::Equations => "equations",
        }
    }
}

/// A row beside its prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The chip's card.
    pub card: String,
    /// The runtime.
    pub runtime: String,
    /// The runtime's release as the row states it.
    pub release: String,
    /// The row's model or layer.
    pub model: String,
    /// The index of the network.
    pub network: usize,
    /// Whether it is a whole network, and no layer.
    pub is_whole: bool,
    /// The class of operators, for a layer.
    pub class: Option<String>,
    /// How it was predicted.
    pub method: Method,
    /// The clock that cycles are of.
    pub clock: Hertz,
    /// Cycles measured.
    pub measured: f64,
    /// Cycles predicted.
    pub predicted: f64,
    /// The interval of the prediction at the nominal coverage.
    pub interval: (f64, f64),
}

impl Score {
    /// The relative error of the prediction.
    pub fn error(&self) -> f64 {
        self.predicted / self.measured - 1.0
    }

    /// Whether the interval holds what was measured.
    pub fn is_held(&self) -> bool {
        self.interval.0 <= self.measured && self.measured <= self.interval.1
    }
}

/// Errors of a group of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Rows.
    pub rows: usize,
    /// Networks.
    pub networks: usize,
    /// The median of the errors' sizes.
    pub median: f64,
    /// Their 90th percentile.
    pub ninetieth: f64,
    /// The largest.
    pub worst: f64,
    /// The median of the errors themselves: which way they lean.
    pub lean: f64,
    /// The share of rows that their interval holds.
    pub coverage: f64,
}

impl Statistics {
    /// The statistics of some rows; nothing of none.
    pub fn of<'a>(scores: impl IntoIterator<Item = &'a Score>) -> Option<Self> {
        let scores: Vec<&Score> = scores.into_iter().collect();
        let networks: BTreeSet<usize> = scores.iter().map(|score| score.network).collect();
        let mut sizes: Vec<f64> = scores.iter().map(|score| score.error().abs()).collect();
        let mut signed: Vec<f64> = scores.iter().map(|score| score.error()).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        signed.sort_unstable_by(f64::total_cmp);
        let held = scores.iter().filter(|score| score.is_held()).count();
        Some(Self {
            rows: scores.len(),
            networks: networks.len(),
            median: quantile(&sizes, 0.5)?,
            ninetieth: quantile(&sizes, 0.9)?,
            worst: quantile(&sizes, 1.0)?,
            lean: quantile(&signed, 0.5)?,
            coverage: held as f64 / scores.len() as f64,
        })
    }
}

/// The quantile of sorted numbers, between the two nearest in proportion.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * (sorted.len().checked_sub(1)?) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    Some(sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64))
}

/// The pairs of card and runtime with at least `networks` networks, in order: those that a figure of
/// generalisation can be given for.
pub fn pairs(scores: &[Score], networks: usize) -> Vec<(String, String)> {
    let all: BTreeSet<(&str, &str)> =
        scores.iter().map(|score| (score.card.as_str(), score.runtime.as_str())).collect();
    all.into_iter()
        .filter(|pair| {
            let own = scores.iter().filter(|score| {
                score.is_whole && (score.card.as_str(), score.runtime.as_str()) == *pair
            });
            own.map(|score| score.network).collect::<BTreeSet<usize>>().len() >= networks
        })
        .map(|(card, runtime)| (card.to_owned(), runtime.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(network: usize, predicted: f64) -> Score {
        Score {
            card: "chip".to_owned(),
            runtime: "library".to_owned(),
            release: String::new(),
            model: format!("net{network}"),
            network,
            is_whole: true,
            class: None,
            method: Method::Fitted,
            clock: Hertz(1e6),
            measured: 100.0,
            predicted,
            interval: (predicted * 0.9, predicted * 1.1),
        }
    }

    #[test]
    fn statistics_are_of_errors_sizes() {
        let scores = [score(0, 90.0), score(1, 105.0), score(1, 140.0)];
        let statistics = Statistics::of(&scores).expect("there are rows");
        assert_eq!((statistics.rows, statistics.networks), (3, 2));
        assert!((statistics.median - 0.1).abs() < 1e-12);
        assert!((statistics.worst - 0.4).abs() < 1e-12);
        assert!((statistics.lean - 0.05).abs() < 1e-12);
        assert!((statistics.coverage - 1.0 / 3.0).abs() < 1e-12, "{}", statistics.coverage);
        assert_eq!(Statistics::of(&[]), None);
    }

    #[test]
    fn pairs_need_several_networks() {
        let scores = [score(0, 90.0), score(0, 105.0)];
        assert!(pairs(&scores, 2).is_empty());
        assert_eq!(pairs(&[score(0, 90.0), score(1, 105.0)], 2).len(), 1);
    }
}
