//! What a model's outputs are judged by, and how models differ on the same samples.

use cofit_exec::{Buffer, Options};
use cofit_ir::Verified;
use cofit_quantise::evaluate::{Metric, Runner, Score, Truth, score};
use cofit_report::score::{Change, Class};
use cofit_vocab::diagnostic::data as rules;

use crate::args::MetricArg;
use crate::data::{Dataset, Labels};
use crate::failure::Failure;
use crate::progress::Bar;

/// A metric with what the outputs of a data set should be.
pub struct Judge {
    /// What is scored.
    pub metric: Metric,
    truth: Truth,
    /// The samples, where the score compares with inputs.
    inputs: Vec<Vec<Buffer>>,
}

impl Judge {
    /// The judge that the data allows: the metric that is asked for, or the one that its labels
    /// suggest. `None` where the data has no labels and no metric is asked for.
    ///
    /// Classes make an accuracy; with a model whose output is as long as its input, classes make the
    /// area under the ROC curve of the reconstruction's error; other labels make a mean squared
    /// error.
    ///
    /// # Errors
    /// A metric that the data or the model does not allow.
    pub fn new(
        data: &Dataset,
        model: &Verified,
        asked: Option<MetricArg>,
    ) -> Result<Option<Self>, Failure> {
        let graph = model.main_graph();
        let elements = |ids: &[cofit_ir::TensorId]| {
            ids.first().map_or(0, |&id| graph.tensors[id].shape.elements())
        };
        let rebuilds = elements(&graph.inputs) == elements(&graph.outputs);
        let missing = || {
            let message = "there are no labels";
            Failure::new(&rules::LABELS_MISSING, message, data.place())
        };
        let labels = data.labels();
        let metric = match (asked, &labels) {
            (Some(MetricArg::Accuracy), _) => Metric::TopK(1),
            (Some(MetricArg::Top5), _) => Metric::TopK(5),
            (Some(MetricArg::Mse), _) => Metric::MeanSquaredError,
            (Some(MetricArg::RocAuc), _) => Metric::ReconstructionRocAuc,
            (None, None) => return Ok(None),
            (None, Some(Labels::Values { .. })) => Metric::MeanSquaredError,
            (None, Some(Labels::Classes(_))) if rebuilds => Metric::ReconstructionRocAuc,
            (None, Some(Labels::Classes(_))) => Metric::TopK(1),
        };
        let mut inputs = Vec::new();
        let truth = match (metric, labels) {
            (Metric::TopK(_), Some(Labels::Classes(classes))) => Truth::Labels(classes),
            (Metric::ReconstructionRocAuc, Some(Labels::Classes(classes))) => {
                inputs = data.samples()?;
                Truth::Labels(classes)
            }
            (Metric::MeanSquaredError, Some(Labels::Values { each, values })) => {
                Truth::Targets(values.chunks(each.max(1)).map(<[f32]>::to_vec).collect())
            }
            // A value for every sample, which happens to be whole.
            (Metric::MeanSquaredError, Some(Labels::Classes(classes))) if !rebuilds => {
                Truth::Targets(classes.into_iter().map(|class| vec![class as f32]).collect())
            }
            (Metric::MeanSquaredError, _) if rebuilds => {
                let samples = data.samples()?.into_iter();
                let first = samples.map(|sample| sample.first().and_then(reals));
                Truth::Targets(first.collect::<Option<_>>().ok_or_else(missing)?)
            }
            (_, None) => return Err(missing()),
            (Metric::TopK(_) | Metric::ReconstructionRocAuc, Some(Labels::Values { .. })) => {
                let message = "the labels are real numbers, and the metric needs classes";
                return Err(Failure::new(&rules::BAD_LABELS, message, data.place()));
            }
            (Metric::MeanSquaredError, Some(Labels::Classes(_))) => return Err(missing()),
        };
        Ok(Some(Self { metric, truth, inputs }))
    }

    /// The score of a model's first outputs.
    ///
    /// # Errors
    /// Outputs that do not suit the labels.
    pub fn score(&self, outputs: &[Vec<f32>]) -> Result<Score, Failure> {
        Ok(score(&self.inputs, outputs, &self.truth, self.metric)?)
    }

    /// What outputs are compared with.
    pub const fn truth(&self) -> &Truth {
        &self.truth
    }

    /// The classes of the samples, where outputs are judged by their greatest element.
    fn classes(&self) -> Option<&[u32]> {
        match (self.metric, &self.truth) {
            (Metric::TopK(_), Truth::Labels(classes)) => Some(classes),
            _ => None,
        }
    }

    /// What became of every class.
    pub fn by_class(&self, outputs: &[Vec<f32>]) -> Vec<Class> {
        let Some(labels) = self.classes() else { return Vec::new() };
        let count = labels.iter().max().map_or(0, |&greatest| greatest as usize + 1);
        // Labels are below the number of outputs, or there is no score.
        let mut classes: Vec<Class> = (0..count).map(Class::new).collect();
        for (output, &label) in outputs.iter().zip(labels) {
            if let Some(class) = classes.get_mut(label as usize) {
                class.add(answer(output));
            }
        }
        classes.retain(|class| class.samples > 0);
        classes
    }

    /// How the answers of two models differ.
    pub fn change(&self, before: &[Vec<f32>], after: &[Vec<f32>]) -> Change {
        change(before, after, self.classes())
    }
}

/// How outputs differ from `before` to `after`, and with the right answers how many became right.
pub fn change(before: &[Vec<f32>], after: &[Vec<f32>], right: Option<&[u32]>) -> Change {
    let mut change = Change { samples: before.len(), ..Change::default() };
    let (mut signal, mut noise) = (0.0, 0.0);
    for (at, (old, new)) in before.iter().zip(after).enumerate() {
        for (&a, &b) in old.iter().zip(new) {
            let (a, b) = (f64::from(a), f64::from(b));
            signal += a * a;
            noise += (a - b) * (a - b);
        }
        let (old, new) = (answer(old), answer(new));
        change.differing += usize::from(old != new);
        let right = right.and_then(|right| right.get(at)).map(|&label| label as usize);
        if right.is_some() && old != new {
            change.gained += usize::from(new == right);
            change.lost += usize::from(old == right);
        }
    }
    change.sqnr = if noise == 0.0 { f64::INFINITY } else { 10.0 * (signal / noise).log10() };
    change
}

/// The place of the greatest element; the first among equal ones.
fn answer(output: &[f32]) -> Option<usize> {
    let greatest =
        output.iter().enumerate().fold(None, |best: Option<(usize, f32)>, (at, &new)| match best {
            Some((_, value)) if value >= new => best,
            _ => Some((at, new)),
        });
    greatest.map(|(at, _)| at)
}

fn reals(buffer: &Buffer) -> Option<Vec<f32>> {
    buffer.get::<f32>().map(<[f32]>::to_vec)
}

/// The first outputs of a model for every sample, as reals. State starts anew with every sample.
///
/// # Errors
/// What execution refuses, and samples that cannot be read.
pub fn outputs(
    model: &Verified,
    data: &Dataset,
    options: &Options,
    task: &'static str,
) -> Result<Vec<Vec<f32>>, Failure> {
    let runner = Runner::new(model, options)?;
    let mut bar = Bar::new(task);
    let mut outputs = Vec::with_capacity(data.len());
    for index in 0..data.len() {
        let _ = bar.step(index, data.len());
        let found = runner.run(&mut runner.state(), &data.sample(index)?)?;
        outputs.push(found.into_iter().next().unwrap_or_default());
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_change_are_told_apart() {
        let before = [vec![1.0, 0.0], vec![1.0, 0.0], vec![0.0, 1.0], vec![0.5, 0.5]];
        let after = [vec![1.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.0], vec![0.5, 0.5]];
        let found = change(&before, &after, Some(&[0, 1, 1, 0]));
        assert_eq!((found.samples, found.differing, found.gained, found.lost), (4, 2, 1, 1));
        // The signal's power is 3.5, that of the difference 4.
        assert!((found.sqnr - 10.0 * (3.5_f64 / 4.0).log10()).abs() < 1e-12);
        assert_eq!(change(&before, &before, None).sqnr, f64::INFINITY);
    }
}
