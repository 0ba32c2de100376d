//! Ranges of activations, measured by running the float model on samples.

use std::ops::ControlFlow;

use cofit_exec::{Buffer, Network, Observer, Options, Slice};
use cofit_ir::{Graph, TensorId, Verified};
use cofit_vocab::diagnostic::quantisation as rules;
use cofit_vocab::{Diagnostic, Diagnostics, ElementType, Place};
use cranelift_entity::SecondaryMap;

use crate::histogram::Histogram;
use crate::mapping::{Range, Width};
use crate::operator_rules::{Treatment, treatment};
use crate::{Progress, advance};

/// How statistics become a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// From the least to the greatest value.
    MinMax,
    /// The range that holds this share of the values, in percent; what is left is cut off in equal
    /// parts at both ends.
    Percentile(f64),
    /// The range with the least squared error, of cutting off and of rounding together.
    Mse,
}

/// What was seen of one tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// The least and the greatest value; `None` before the first.
    pub range: Option<Range>,
    /// Every value, in bins.
    pub histogram: Histogram,
    /// Sums of every channel, which is an index of the innermost axis; for results of layers with
    /// weights, else empty.
    pub sums: Vec<f64>,
    /// How many values each sum has.
    pub rows: u64,
}

/// What was seen of every activation of a model.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    tensors: SecondaryMap<TensorId, Option<Statistics>>,
    /// Number of samples.
    samples: usize,
}

impl Calibration {
    /// What was seen of tensor `id`.
    pub fn statistics(&self, id: TensorId) -> Option<&Statistics> {
        self.tensors.get(id)?.as_ref()
    }

    /// Number of samples that the model was run on.
    pub const fn samples(&self) -> usize {
        self.samples
    }

    /// The range of tensor `id` for integers of `width`.
    pub fn range(
        &self,
        id: TensorId,
        method: Method,
        width: Width,
        symmetric: bool,
    ) -> Option<Range> {
        let statistics = self.statistics(id)?;
        let whole = statistics.range?;
        Some(match method {
            Method::MinMax => whole,
            Method::Percentile(share) => percentile(&statistics.histogram, whole, share),
            Method::Mse => least_error(&statistics.histogram, whole, width, symmetric),
        })
    }

    /// The mean of every channel of tensor `id`, where it is the result of a layer with weights.
    pub fn channel_means(&self, id: TensorId) -> Option<Vec<f64>> {
        let statistics = self.statistics(id).filter(|found| found.rows > 0)?;
        Some(statistics.sums.iter().map(|sum| sum / statistics.rows as f64).collect())
    }
}

/// Runs `model` on `samples`, each of which has one array for every input of the model.
///
/// State starts anew with every sample. The samples should be from training data: a model that is
/// calibrated on the data it is judged by looks better than it is.
///
/// # Errors
/// No samples, values that are not finite, and what execution refuses.
pub fn calibrate(
    model: &Verified,
    samples: &[Vec<Buffer>],
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<Calibration, Diagnostics> {
    if samples.is_empty() {
        let message = "there are no samples to calibrate with";
        return Err(Diagnostic::error(&rules::NO_SAMPLES, message, Place::default()).into());
    }
    let network = Network::prepare(model, options)?;
    let graph = model.main_graph();
    let mut seen = Seen { tensors: SecondaryMap::new(), channels: channels(graph), bad: None };
    for (done, sample) in samples.iter().enumerate() {
        advance(progress, done, samples.len())?;
        for (&id, values) in graph.inputs.iter().zip(sample) {
            seen.add(id, values.as_slice());
        }
        network.run(&mut network.state(), sample, &mut seen)?;
        if let Some(id) = seen.bad {
            let name = graph.tensors[id].name.clone();
            let message = format!("sample {done} makes values in `{name}` that are not finite");
            let place = Place::tensor(name);
            return Err(Diagnostic::error(&rules::NO_SAMPLES, message, place).into());
        }
    }
    advance(progress, samples.len(), samples.len())?;
    Ok(Calibration { tensors: seen.tensors, samples: samples.len() })
}

/// The channels of every result of a layer with weights; 0 for all other tensors.
fn channels(graph: &Graph) -> SecondaryMap<TensorId, usize> {
    let mut channels = SecondaryMap::new();
    for operator in graph.operators.values() {
        if let (Treatment::Weighted(_), Some(&output)) =
            (treatment(&operator.op), operator.outputs.first())
        {
            channels[output] = graph.tensors[output].shape.last() as usize;
        }
    }
    channels
}

/// An observer that collects statistics.
struct Seen {
    tensors: SecondaryMap<TensorId, Option<Statistics>>,
    channels: SecondaryMap<TensorId, usize>,
    /// The first tensor with values that are not finite.
    bad: Option<TensorId>,
}

impl Seen {
    fn add(&mut self, id: TensorId, values: Slice<'_>) {
        let Slice::F32(values) = values else { return };
        if self.bad.is_none() && values.iter().any(|value| !value.is_finite()) {
            self.bad = Some(id);
        }
        let statistics = self.tensors[id].get_or_insert_default();
        if let Some(found) = Range::of(values) {
            statistics.range = Some(statistics.range.map_or(found, |range| range.union(found)));
        }
        statistics.histogram.add(values);
        let channels = self.channels[id];
        if channels > 0 {
            statistics.sums.resize(channels, 0.0);
            for row in values.chunks_exact(channels) {
                for (sum, &value) in statistics.sums.iter_mut().zip(row) {
                    *sum += f64::from(value);
                }
                statistics.rows += 1;
            }
        }
    }
}

impl Observer for Seen {
    fn tensor(&mut self, id: TensorId, values: Slice<'_>) -> ControlFlow<()> {
        self.add(id, values);
        if self.bad.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// The range of a tensor's constant values.
pub(crate) fn constant_range(tensor: &cofit_ir::Tensor) -> Option<Range> {
    let values = constant_floats(tensor)?;
    Range::of(&values)
}

/// The elements of a float32 constant of any length.
pub(crate) fn constant_floats(tensor: &cofit_ir::Tensor) -> Option<Vec<f32>> {
    let data = tensor.data().filter(|_| tensor.element == ElementType::Float32)?;
    let count = usize::try_from(tensor.shape.elements()).ok()?;
    match Buffer::from_packed(ElementType::Float32, count, data)? {
        Buffer::F32(values) => Some(values),
        _ => None,
    }
}

/// The range that holds `share` percent of the values, to the width of a bin.
fn percentile(histogram: &Histogram, whole: Range, share: f64) -> Range {
    let total = histogram.total() as f64;
    let cut = total * (1.0 - (share / 100.0).clamp(0.0, 1.0)) / 2.0;
    let (mut low, mut high) = (whole.low, whole.high);
    let mut below = 0.0;
    for (edge, count) in histogram.bins() {
        below += count as f64;
        if below > cut {
            low = edge as f32;
            break;
        }
    }
    let mut above = 0.0;
    for (edge, count) in histogram.bins().rev() {
        above += count as f64;
        if above > cut {
            high = (edge + histogram.width()) as f32;
            break;
        }
    }
    // A bin reaches beyond the values in it.
    Range { low: low.max(whole.low), high: high.min(whole.high) }
}

/// Shares of the whole range that are tried at each end.
const SHARES: u32 = 128;

/// The range with the least expected squared error.
///
/// A value inside costs the variance of rounding, `step^2 / 12`; one outside costs its squared
/// distance from the end. Values in the bin that begins at zero cost nothing inside: zero is exact,
/// and after a rectifier most values are zero.
fn least_error(histogram: &Histogram, whole: Range, width: Width, symmetric: bool) -> Range {
    let whole = whole.with_zero();
    let (low, high) = width.limits();
    let half = histogram.width() / 2.0;
    let bins: Vec<(f64, f64)> = histogram
        .bins()
        .filter(|(edge, count)| *count > 0 && *edge != 0.0)
        .map(|(edge, count)| (edge + half, count as f64))
        .collect();
    // Errors of cutting off everything beyond each candidate end, and how many values that is.
    let beyond = |end: f64, is_high: bool| -> (f64, f64) {
        bins.iter().fold((0.0, 0.0), |(error, count), &(centre, number)| {
            let over = if is_high { centre - end } else { end - centre };
            if over > 0.0 { (error + number * over * over, count + number) } else { (error, count) }
        })
    };
    let candidates = |end: f32| -> Vec<f64> {
        (1..=SHARES).rev().map(|at| f64::from(end) * f64::from(at) / f64::from(SHARES)).collect()
    };
    let total: f64 = bins.iter().map(|(_, count)| count).sum();
    let mut best = (f64::INFINITY, whole);
    let mut consider = |low_end: f64, high_end: f64, cut: (f64, f64), steps: f64| {
        let step = (high_end - low_end) / steps;
        let error = cut.0 + (total - cut.1) * step * step / 12.0;
        if error < best.0 {
            best = (error, Range { low: low_end as f32, high: high_end as f32 });
        }
    };
    if symmetric {
        for end in candidates(whole.magnitude()) {
            let (above, below) = (beyond(end, true), beyond(-end, false));
            consider(-end, end, (above.0 + below.0, above.1 + below.1), (2 * high) as f64);
        }
        return best.1;
    }
    let lows: Vec<_> = candidates(whole.low).into_iter().map(|e| (e, beyond(e, false))).collect();
    let highs: Vec<_> = candidates(whole.high).into_iter().map(|e| (e, beyond(e, true))).collect();
    for &(low_end, below) in &lows {
        for &(high_end, above) in &highs {
            let cut = (above.0 + below.0, above.1 + below.1);
            consider(low_end, high_end, cut, (high - low) as f64);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal_with_outlier() -> (Histogram, Range) {
        // Quantiles of a logistic distribution: a bell without random numbers.
        let values: Vec<f32> = (1..10_000)
            .map(|at| {
                let share = f64::from(at) / 10_000.0;
                (share / (1.0 - share)).ln() as f32
            })
            .collect();
        let mut histogram = Histogram::default();
        (0..100).for_each(|_| histogram.add(&values));
        histogram.add(&[100.0]);
        (histogram, Range { low: values[0], high: 100.0 })
    }

    #[test]
    fn outliers_are_cut_by_percentile_and_by_error() {
        let (histogram, whole) = normal_with_outlier();
        let most = percentile(&histogram, whole, 99.9);
        // The fifth value from either end lies at 7.6 or 7.8, and bins are 1/16 wide.
        assert!((-7.9..-7.5).contains(&most.low) && (7.5..7.9).contains(&most.high), "{most:?}");
        let least = least_error(&histogram, whole, Width::Eight, false);
        assert!(least.high < 60.0 && least.high > 8.0, "{least:?}");
        let fine = least_error(&histogram, whole, Width::Sixteen, false);
        assert_eq!(fine.high, 100.0, "16 bits have no reason to cut anything off");
        assert_eq!(percentile(&histogram, whole, 100.0), whole);
    }
}
