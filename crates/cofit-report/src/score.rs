//! Scores on user data, as reports show them.

use cofit_quantise::evaluate::{Metric, Score};
use cofit_vocab::{Figure, FigureKind, Quantity, Unit};
use serde_json::{Value, json};

use crate::table::{ColumnKind, Table};
use crate::words::Numbers;
use crate::{json, words};

/// Samples that a result rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataUsed {
    /// The file or folder, as the user named it.
    pub name: String,
    /// How many of its samples were taken.
    pub samples: usize,
}

impl DataUsed {
    /// As JSON.
    pub fn json_value(&self) -> Value {
        json!({ "name": self.name, "samples": count(self.samples) })
    }
}

/// How the outputs of one model differ from another's on the same samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// Number of samples.
    pub samples: usize,
    /// Samples whose greatest output is another one.
    pub differing: usize,
    /// Of these, samples whose answer became right.
    pub gained: usize,
    /// Of these, samples whose answer became wrong.
    pub lost: usize,
    /// Power of the first model's outputs over power of the difference, in decibels.
    pub sqnr: f64,
}

/// What became of the samples of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The class.
    pub class: usize,
    /// Its samples.
    pub samples: usize,
    /// How many of them have its output as their greatest.
    pub right: usize,
    /// How many have another one, by that one.
    pub mistaken: std::collections::BTreeMap<usize, usize>,
}

impl Class {
    /// A class without samples.
    pub const fn new(class: usize) -> Self {
        Self { class, samples: 0, right: 0, mistaken: std::collections::BTreeMap::new() }
    }

    /// Counts a sample by the place of its greatest output.
    pub fn add(&mut self, answer: Option<usize>) {
        self.samples += 1;
        match answer {
            Some(answer) if answer == self.class => self.right += 1,
            Some(answer) => *self.mistaken.entry(answer).or_insert(0) += 1,
            None => {}
        }
    }

    /// The classes that its samples are taken for, the commonest first: `5 (2), 3`.
    fn mistaken_text(&self) -> String {
        let mut mistaken: Vec<(usize, usize)> =
            self.mistaken.iter().map(|(&class, &count)| (class, count)).collect();
        mistaken.sort_by_key(|&(class, count)| (std::cmp::Reverse(count), class));
        let text = |&(class, count): &(usize, usize)| match count {
            1 => class.to_string(),
            count => format!("{class} ({count})"),
        };
        let shown: Vec<String> = mistaken.iter().take(4).map(text).collect();
        if shown.is_empty() { "-".to_owned() } else { shown.join(", ") }
    }
}

/// The metric in words.
pub fn metric_name(metric: Metric) -> String {
    match metric {
        Metric::TopK(1) => "accuracy".to_owned(),
        Metric::TopK(k) => format!("top-{k} accuracy"),
        Metric::MeanSquaredError => "mean squared error".to_owned(),
        Metric::ReconstructionRocAuc => "ROC AUC".to_owned(),
    }
}

/// The metric as a key.
pub fn metric_key(metric: Metric) -> String {
    match metric {
        Metric::TopK(1) => "accuracy".to_owned(),
        Metric::TopK(k) => format!("top{k}"),
        Metric::MeanSquaredError => "mse".to_owned(),
        Metric::ReconstructionRocAuc => "roc-auc".to_owned(),
    }
}

/// A number of the metric: shares in per cent.
pub fn number(metric: Metric, value: f64) -> String {
    match metric {
        Metric::TopK(_) => format!("{:.1} %", value * 100.0),
        Metric::MeanSquaredError => words::significant(value),
        Metric::ReconstructionRocAuc => format!("{value:.4}"),
    }
}

/// An interval of shares in per cent: `96.0 to 99.1`.
pub fn interval((low, high): (f64, f64)) -> String {
    format!("{:.1} to {:.1}", low * 100.0, high * 100.0)
}

/// A score with its interval: `98.1 % [96.0, 99.1]`.
pub fn text(metric: Metric, score: &Score) -> String {
    let value = number(metric, score.value);
    match score.interval {
        Some((low, high)) => format!("{value} [{:.1}, {:.1}]", low * 100.0, high * 100.0),
        None => value,
    }
}

/// A score in the machine contract; without an interval its ends are the value.
pub fn figure(score: &Score) -> Value {
    let (low, high) = score.interval.unwrap_or((score.value, score.value));
    json::figure(&Figure::between(score.value, Unit::One, FigureKind::Sampled, low, high))
}

/// A number without a unit that was found on samples.
pub fn share(value: f64) -> Value {
    json::quantity(&match value.is_finite() {
        true => Figure::point(value, Unit::One, FigureKind::Sampled).into(),
        false => Quantity::Unavailable("it is not finite".to_owned()),
    })
}

/// A count.
pub fn count(count: usize) -> Value {
    json::figure(&Figure::point(count as f64, Unit::One, FigureKind::Exact))
}

/// Decibels of signal over noise; without noise there is no number.
pub fn decibels(sqnr: f64) -> Value {
    json::quantity(&match sqnr.is_finite() {
        true => Figure::point(sqnr, Unit::Decibels, FigureKind::Sampled).into(),
        false => Quantity::Unavailable("there is no difference".to_owned()),
    })
}

/// Decibels for a reader.
pub fn decibels_text(sqnr: f64, numbers: Numbers) -> String {
    match (sqnr.is_finite(), numbers) {
        (true, _) => format!("{sqnr:.1}"),
        (false, Numbers::Grouped) => "exact".to_owned(),
        (false, Numbers::Plain) => String::new(),
    }
}

/// How answers changed, in a sentence.
pub fn change_text(change: &Change, metric: Option<Metric>) -> String {
    let outputs = match change.sqnr.is_finite() {
        true => format!("outputs agree to {:.1} dB", change.sqnr),
        false => "outputs are equal to the bit".to_owned(),
    };
    let is_of_classes =
        !matches!(metric, Some(Metric::MeanSquaredError | Metric::ReconstructionRocAuc));
    if is_of_classes && change.differing == 0 {
        return format!("all {} answers are the same; {outputs}", change.samples);
    }
    match metric {
        Some(Metric::MeanSquaredError | Metric::ReconstructionRocAuc) => outputs,
        Some(Metric::TopK(_)) => format!(
            "{} of {} answers differ, {} became right and {} wrong; {outputs}",
            change.differing, change.samples, change.gained, change.lost
        ),
        None => format!("{} of {} answers differ; {outputs}", change.differing, change.samples),
    }
}

/// How answers changed.
pub fn change_json(change: &Change) -> Value {
    json!({
        "samples": count(change.samples),
        "differing": count(change.differing),
        "became_right": count(change.gained),
        "became_wrong": count(change.lost),
        "sqnr": decibels(change.sqnr),
    })
}

/// What became of every class.
pub fn class_table(classes: &[Class]) -> Table {
    let mut table = Table::new(&[
        ("CLASS", ColumnKind::Number),
        ("SAMPLES", ColumnKind::Number),
        ("RIGHT", ColumnKind::Number),
        ("%", ColumnKind::Number),
        ("TAKEN FOR", ColumnKind::Word),
    ]);
    for class in classes {
        table.row(vec![
            class.class.to_string(),
            class.samples.to_string(),
            class.right.to_string(),
            format!("{:.1}", 100.0 * class.right as f64 / class.samples.max(1) as f64),
            class.mistaken_text(),
        ]);
    }
    table
}

/// What became of every class.
pub fn class_json(class: &Class) -> Value {
    let mistaken: Vec<Value> = class
        .mistaken
        .iter()
        .map(|(&class, &samples)| json!({ "class": class, "samples": count(samples) }))
        .collect();
    json!({
        "class": class.class,
        "samples": count(class.samples),
        "right": count(class.right),
        "taken_for": mistaken,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_carry_their_interval() {
        let score = Score { value: 0.98056, interval: Some((0.9604, 0.9905)), samples: 360 };
        assert_eq!(text(Metric::TopK(1), &score), "98.1 % [96.0, 99.1]");
        let area = Score { value: 0.97431, interval: None, samples: 250 };
        assert_eq!(text(Metric::ReconstructionRocAuc, &area), "0.9743");
    }

    #[test]
    fn mistakes_are_listed_by_how_common_they_are() {
        let mut class = Class::new(8);
        for answer in [8, 1, 3, 3] {
            class.add(Some(answer));
        }
        assert_eq!((class.samples, class.right), (4, 1));
        assert_eq!(class.mistaken_text(), "3 (2), 1");
    }
}
