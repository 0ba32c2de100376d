//! Scores of a model on user data.

use cofit_exec::{Buffer, Network, Options, State};
use cofit_ir::{Tensor, Verified};
use cofit_vocab::diagnostic::quantisation as rules;
use cofit_vocab::{Diagnostic, Diagnostics, Place};

use crate::{Progress, advance};

/// A score and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The score.
    pub value: f64,
    /// The interval that holds the true score of such data with a probability of 95 %, where the
    /// score is a share of samples.
    pub interval: Option<(f64, f64)>,
    /// Number of samples.
    pub samples: usize,
}

/// What is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The share of samples whose label is among the `k` greatest elements of the first output.
    /// Among equal elements the one with the lowest index counts as greater, as in an arg-max.
    TopK(usize),
    /// The mean squared difference of the first output and the target.
    MeanSquaredError,
    /// The area under the ROC curve of the mean squared difference of the first output and the
    /// first input, against labels of which 0 is normal and all others are not.
    ReconstructionRocAuc,
}

/// Whether a greater score of the metric is a better one.
impl Metric {
    /// Whether greater is better.
    pub const fn is_greater_better(self) -> bool {
        match self {
            Self::TopK(_) | Self::ReconstructionRocAuc => true,
            Self::MeanSquaredError => false,
        }
    }
}

/// What the outputs are compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    /// A class for every sample.
    Labels(Vec<u32>),
    /// The right first output of every sample.
    Targets(Vec<Vec<f32>>),
}

/// A model that takes and returns reals, whatever its tensors are.
pub struct Runner {
    network: Network,
}

impl Runner {
    /// Prepares a model.
    ///
    /// # Errors
    /// What execution refuses.
    pub fn new(model: &Verified, options: &Options) -> Result<Self, Diagnostics> {
        Ok(Self { network: Network::prepare(model, options)? })
    }

    /// State before the first inference.
    pub fn state(&self) -> State {
        self.network.state()
    }

    /// The network.
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Inputs as the model takes them: reals quantised for integer inputs, all else as it is.
    pub fn quantised(&self, inputs: &[Buffer]) -> Vec<Buffer> {
        let graph = self.network.model().main_graph();
        let each = |(&id, buffer): (_, &Buffer)| to_stored(&graph.tensors[id], buffer);
        graph.inputs.iter().zip(inputs).map(each).collect()
    }

    /// Runs one inference on reals, and returns every output as reals.
    ///
    /// # Errors
    /// Inputs of another number or length than the model's.
    pub fn run(&self, state: &mut State, inputs: &[Buffer]) -> Result<Vec<Vec<f32>>, Diagnostics> {
        let graph = self.network.model().main_graph();
        let stored = if inputs.len() == graph.inputs.len() {
            self.quantised(inputs)
        } else {
            inputs.to_vec()
        };
        let outputs = self.network.run(state, &stored, &mut ())?.unwrap_or_default();
        let pairs = graph.outputs.iter().zip(&outputs);
        Ok(pairs.map(|(&id, buffer)| to_reals(&graph.tensors[id], buffer)).collect())
    }
}

/// Reals as `tensor` stores them; anything else as it is.
///
/// Integers are the nearest ones, ties away from zero, cut at the ends of the type.
pub fn to_stored(tensor: &Tensor, buffer: &Buffer) -> Buffer {
    let (Buffer::F32(reals), Some(quantisation)) = (buffer, &tensor.quantisation) else {
        return buffer.clone();
    };
    let Some((scale, zero)) = quantisation.at(0).filter(|(scale, _)| *scale > 0.0) else {
        return buffer.clone();
    };
    let stored = |low: i64, high: i64| {
        reals
            .iter()
            .map(move |real| ((real / scale).round() as i64).saturating_add(zero).clamp(low, high))
    };
    match Buffer::zeros(tensor.element, 0) {
        Some(Buffer::I8(_)) => Buffer::I8(stored(-128, 127).map(|value| value as i8).collect()),
        Some(Buffer::U8(_)) => Buffer::U8(stored(0, 255).map(|value| value as u8).collect()),
        Some(Buffer::I16(_)) => {
            Buffer::I16(stored(-32768, 32767).map(|value| value as i16).collect())
        }
        Some(Buffer::I32(_) | Buffer::I64(_) | Buffer::F32(_)) | None => buffer.clone(),
    }
}

/// What the elements of `tensor` mean. Integers without a scale mean themselves.
pub fn to_reals(tensor: &Tensor, buffer: &Buffer) -> Vec<f32> {
    let quantisation = tensor.quantisation.as_ref();
    let (scale, zero) = quantisation.and_then(|found| found.at(0)).unwrap_or((1.0, 0));
    let real = |stored: i64| (stored.saturating_sub(zero) as f64 * f64::from(scale)) as f32;
    match buffer {
        Buffer::I8(values) => values.iter().map(|&value| real(value.into())).collect(),
        Buffer::U8(values) => values.iter().map(|&value| real(value.into())).collect(),
        Buffer::I16(values) => values.iter().map(|&value| real(value.into())).collect(),
        Buffer::I32(values) => values.iter().map(|&value| real(value.into())).collect(),
        Buffer::I64(values) => values.iter().map(|&value| real(value)).collect(),
        Buffer::F32(values) => values.clone(),
    }
}

/// Runs `model` on samples of reals and scores it. State starts anew with every sample.
///
/// # Errors
/// What execution refuses, and outputs or labels that do not make the score.
pub fn evaluate(
    model: &Verified,
    samples: &[Vec<Buffer>],
    truth: &Truth,
    metric: Metric,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<Score, Diagnostics> {
    let runner = Runner::new(model, options)?;
    let known = match truth {
        Truth::Labels(labels) => labels.len(),
        Truth::Targets(targets) => targets.len(),
    };
    if known != samples.len() || samples.is_empty() {
        return Err(wrong(format!("{} samples have {known} labels or targets", samples.len())));
    }
    let mut first_outputs = Vec::with_capacity(samples.len());
    for (done, sample) in samples.iter().enumerate() {
        advance(progress, done, samples.len())?;
        let mut outputs = runner.run(&mut runner.state(), sample)?;
        if outputs.is_empty() {
            return Err(wrong("the model has no output".to_owned()));
        }
        first_outputs.push(outputs.swap_remove(0));
    }
    advance(progress, samples.len(), samples.len())?;
    score(samples, &first_outputs, truth, metric)
}

/// Scores the first outputs of samples.
///
/// # Errors
/// Outputs or labels that do not make the score.
pub fn score(
    samples: &[Vec<Buffer>],
    outputs: &[Vec<f32>],
    truth: &Truth,
    metric: Metric,
) -> Result<Score, Diagnostics> {
    let count = outputs.len();
    match (metric, truth) {
        (Metric::TopK(k), Truth::Labels(labels)) => {
            let mut right = 0;
            for (output, &label) in outputs.iter().zip(labels) {
                let place = rank(output, label as usize).ok_or_else(|| {
                    wrong(format!("label {label} is no class of {} outputs", output.len()))
                })?;
                right += usize::from(place < k);
            }
            let value = right as f64 / count as f64;
            Ok(Score { value, interval: Some(wilson(right, count)), samples: count })
        }
        (Metric::MeanSquaredError, Truth::Targets(targets)) => {
            let errors = outputs.iter().zip(targets).map(|(output, target)| {
                squared_difference(output, target)
                    .ok_or_else(|| wrong("a target has another length than the output".to_owned()))
            });
            let sum = errors.sum::<Result<f64, Diagnostics>>()?;
            Ok(Score { value: sum / count as f64, interval: None, samples: count })
        }
        (Metric::ReconstructionRocAuc, Truth::Labels(labels)) => {
            let mut scored = Vec::with_capacity(count);
            for ((sample, output), &label) in samples.iter().zip(outputs).zip(labels) {
                let input = sample.first().and_then(Buffer::get::<f32>);
                let error = input.and_then(|input| squared_difference(output, input));
                let error = error.ok_or_else(|| {
                    wrong("the output does not have the length of a float input".to_owned())
                })?;
                scored.push((error, label != 0));
            }
            let value = roc_auc(&scored).ok_or_else(|| {
                wrong("all samples are of one kind, or an error is no number".to_owned())
            })?;
            Ok(Score { value, interval: None, samples: count })
        }
        (Metric::TopK(_) | Metric::ReconstructionRocAuc, Truth::Targets(_)) => {
            Err(wrong("the score needs labels, and targets are given".to_owned()))
        }
        (Metric::MeanSquaredError, Truth::Labels(_)) => {
            Err(wrong("the score needs targets, and labels are given".to_owned()))
        }
    }
}

fn wrong(message: String) -> Diagnostics {
    Diagnostic::error(&rules::WRONG_TASK, message, Place::default()).into()
}

/// How many elements come before element `at` when they are sorted from the greatest.
fn rank(output: &[f32], at: usize) -> Option<usize> {
    let value = *output.get(at)?;
    let before = output
        .iter()
        .enumerate()
        .filter(|&(other, &candidate)| candidate > value || (candidate == value && other < at));
    Some(before.count())
}

fn squared_difference(a: &[f32], b: &[f32]) -> Option<f64> {
    if a.len() != b.len() || a.is_empty() {
        return None;
    }
    let sum: f64 = a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    Some(sum / a.len() as f64)
}

/// The interval of Wilson, "Probable inference, the law of succession, and statistical inference"
/// (1927), for `right` of `count` at 95 %.
pub fn wilson(right: usize, count: usize) -> (f64, f64) {
    // The 97.5 % quantile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    if count == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (count as f64, right as f64 / count as f64);
    let centre = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// The area under the ROC curve: the probability that an abnormal sample scores above a normal one,
/// where equal scores count half. `None` without samples of both kinds, or with a NaN.
///
/// `scored` holds scores and whether each sample is abnormal.
pub fn roc_auc(scored: &[(f64, bool)]) -> Option<f64> {
    let abnormal = scored.iter().filter(|(_, is_abnormal)| *is_abnormal).count() as u64;
    let normal = scored.len() as u64 - abnormal;
    if abnormal == 0 || normal == 0 || scored.iter().any(|(score, _)| score.is_nan()) {
        return None;
    }
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Twice the number of pairs in order: whole numbers keep ties exact.
    let (mut twice, mut below) = (0_u64, 0_u64);
    // -0 and 0 are equal scores, though they sort apart.
    for ties in sorted.chunk_by(|a, b| a.0 == b.0) {
        let tied = ties.iter().filter(|(_, is_abnormal)| *is_abnormal).count() as u64;
        let tied_normal = ties.len() as u64 - tied;
        twice += tied * (2 * below + tied_normal);
        below += tied_normal;
    }
    Some(twice as f64 / (2 * abnormal * normal) as f64)
}

#[cfg(test)]
mod tests {
    use cofit_ir::{Quantisation, Shape};
    use cofit_vocab::ElementType;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_elements_rank_by_index() {
        assert_eq!(rank(&[0.5, 0.5, 0.1], 0), Some(0));
        assert_eq!(rank(&[0.5, 0.5, 0.1], 1), Some(1));
        assert_eq!(rank(&[0.5], 1), None);
    }

    #[test]
    fn the_interval_is_wilsons() {
        // SciPy 1.17.1: binomtest(right, count).proportion_ci(method="wilson").
        for (right, count, low, high) in [
            (353, 360, 0.960_413_761_799_128_6, 0.990_549_883_523_515_9),
            (10, 10, 0.722_467_200_137_110_9, 1.0),
            (1, 8, 0.022_417_491_450_056_67, 0.470_888_182_212_853_5),
        ] {
            let found = wilson(right, count);
            assert!((found.0 - low).abs() < 1e-12 && (found.1 - high).abs() < 1e-12, "{found:?}");
        }
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn ties_count_half() {
        assert_eq!(roc_auc(&[(1.0, false), (1.0, true)]), Some(0.5));
        assert_eq!(roc_auc(&[(-0.0, true), (0.0, false)]), Some(0.5));
        assert_eq!(roc_auc(&[(1.0, false), (2.0, true), (2.0, false), (3.0, true)]), Some(0.875));
        assert_eq!(roc_auc(&[(1.0, true)]), None);
        assert_eq!(roc_auc(&[(f64::NAN, true), (0.0, false)]), None);
    }

    #[test]
    fn reals_go_in_and_out_of_integers() {
        let tensor = Tensor::activation("x", ElementType::Int8, Shape::new(&[3]))
            .quantised(Quantisation::per_tensor(0.5, -10));
        let stored = to_stored(&tensor, &Buffer::F32(vec![0.25, -1.0, 1e9]));
        assert_eq!(stored, Buffer::I8(vec![-9, -12, 127]));
        assert_eq!(to_reals(&tensor, &stored), [0.5, -1.0, 68.5]);
    }

    proptest! {
        #[test]
        fn the_area_is_that_of_all_pairs(
            scored in prop::collection::vec((0_u8..6, any::<bool>()), 2..40),
        ) {
            let scored: Vec<(f64, bool)> =
                scored.into_iter().map(|(score, kind)| (f64::from(score), kind)).collect();
            let (mut sum, mut pairs) = (0.0, 0.0);
            for &(abnormal, _) in scored.iter().filter(|(_, kind)| *kind) {
                for &(normal, _) in scored.iter().filter(|(_, kind)| !*kind) {
                    pairs += 1.0;
                    sum += if abnormal > normal { 1.0 } else if abnormal == normal { 0.5 } else { 0.0 };
                }
            }
            match roc_auc(&scored) {
                Some(area) => prop_assert!((area - sum / pairs).abs() < 1e-12),
                None => prop_assert_eq!(pairs, 0.0),
            }
        }
    }
}
