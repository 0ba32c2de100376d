//! Which layer a loss of accuracy comes from.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use cofit_exec::{Buffer, Observer, Options, Slice};
use cofit_ir::{Graph, TensorId, Verified};
use cofit_vocab::{Diagnostics, OperatorKind};

use crate::evaluate::{Runner, to_reals};
use crate::{Progress, advance};

/// How far one tensor of a quantised model is from the float model's, over all samples.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerError {
    /// The tensor, which has this name in both models.
    pub name: String,
    /// What writes it in the quantised model.
    pub kind: OperatorKind,
    /// Power of the float tensor over power of the difference, in decibels; infinite where there is
    /// no difference.
    pub sqnr: f64,
    /// The part of the loss that this layer adds: its SQNR less the worst one of its operands, in
    /// decibels; negative where the layer made it worse. `None` for layers that read no tensor that
    /// both models have but inputs.
    pub step: Option<f64>,
    /// Cosine of the angle between both tensors: 1 where they point the same way.
    pub cosine: f64,
    /// The greatest difference of an element.
    pub most: f64,
    /// The share of elements that lie at the end of the integer type's range, while the float value
    /// lies beyond it.
    pub saturated: f64,
}

/// Sums over the elements of one tensor.
#[derive(Clone, Debug, Default)]
struct Sums {
    signal: f64,
    noise: f64,
    product: f64,
    other: f64,
    most: f64,
    saturated: u64,
    elements: u64,
}

impl Sums {
    fn add(&mut self, float: &[f32], quantised: &[f32], reach: Option<(f32, f32)>) {
        for (&float, &quantised) in float.iter().zip(quantised) {
            let (a, b) = (f64::from(float), f64::from(quantised));
            self.signal += a * a;
            self.other += b * b;
            self.product += a * b;
            self.noise += (a - b) * (a - b);
            self.most = self.most.max((a - b).abs());
            self.saturated += u64::from(reach.is_some_and(|(low, high)| {
                (quantised <= low && float < low) || (quantised >= high && float > high)
            }));
        }
        self.elements += float.len() as u64;
    }

    fn sqnr(&self) -> f64 {
        ratio_in_decibels(self.signal, self.noise)
    }

    fn cosine(&self) -> f64 {
        let length = (self.signal * self.other).sqrt();
        if length > 0.0 { self.product / length } else { f64::from(self.noise == 0.0) }
    }
}

/// `10 log10(signal / noise)`.
fn ratio_in_decibels(signal: f64, noise: f64) -> f64 {
    if noise == 0.0 { f64::INFINITY } else { 10.0 * (signal / noise).log10() }
}

/// Runs both models side by side on samples of reals, and compares every tensor that has the same
/// name in both. The layers come in the order of the quantised model.
///
/// # Errors
/// What execution refuses, and the watcher's wish to stop.
pub fn layer_errors(
    float: &Verified,
    quantised: &Verified,
    samples: &[Vec<Buffer>],
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<Vec<LayerError>, Diagnostics> {
    let (left, right) = (Runner::new(float, options)?, Runner::new(quantised, options)?);
    let (float_graph, graph) = (float.main_graph(), quantised.main_graph());
    let pairs = pairs(float_graph, graph);
    let mut sums: BTreeMap<TensorId, Sums> = BTreeMap::new();
    for (done, sample) in samples.iter().enumerate() {
        advance(progress, done, samples.len())?;
        let mut kept =
            Kept { graph: float_graph, wanted: &pairs.by_float, tensors: BTreeMap::new() };
        left.network().run(&mut left.state(), &left.quantised(sample), &mut kept)?;
        let mut compared = Compared {
            graph,
            by_quantised: &pairs.by_quantised,
            float: &kept.tensors,
            sums: &mut sums,
        };
        right.network().run(&mut right.state(), &right.quantised(sample), &mut compared)?;
    }
    advance(progress, samples.len(), samples.len())?;
    Ok(described(graph, &sums))
}

/// The layer that loses most: the one with the most negative [`LayerError::step`], if any step is.
pub fn culprit(errors: &[LayerError]) -> Option<&LayerError> {
    let steps = errors.iter().filter_map(|error| Some((error.step?, error)));
    let losses = steps.filter(|(step, _)| *step < 0.0);
    losses.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, error)| error)
}

/// Tensors of the same name and shape.
struct Pairs {
    by_float: BTreeMap<TensorId, ()>,
    by_quantised: BTreeMap<TensorId, TensorId>,
}

fn pairs(float: &Graph, quantised: &Graph) -> Pairs {
    let written = |graph: &Graph| -> BTreeMap<String, TensorId> {
        let mut names = BTreeMap::new();
        for operator in graph.operators.values() {
            for &id in &operator.outputs {
                // The first of a name is the layer; conversions that follow may repeat it.
                names.entry(graph.tensors[id].name.clone()).or_insert(id);
            }
        }
        names
    };
    let mut pairs = Pairs { by_float: BTreeMap::new(), by_quantised: BTreeMap::new() };
    let floats = written(float);
    for (name, right) in written(quantised) {
        if let Some(&left) = floats.get(&name)
            && float.tensors[left].shape.elements() == quantised.tensors[right].shape.elements()
            && float.tensors[left].element.is_float()
        {
            pairs.by_float.insert(left, ());
            pairs.by_quantised.insert(right, left);
        }
    }
    pairs
}

/// Keeps the tensors of the float model that the other model has too.
struct Kept<'a> {
    graph: &'a Graph,
    wanted: &'a BTreeMap<TensorId, ()>,
    tensors: BTreeMap<TensorId, Vec<f32>>,
}

impl Observer for Kept<'_> {
    fn tensor(&mut self, id: TensorId, values: Slice<'_>) -> ControlFlow<()> {
        if self.wanted.contains_key(&id) {
            self.tensors.insert(id, to_reals(&self.graph.tensors[id], &values.to_buffer()));
        }
        ControlFlow::Continue(())
    }
}

/// Compares tensors with those kept.
struct Compared<'a> {
    graph: &'a Graph,
    by_quantised: &'a BTreeMap<TensorId, TensorId>,
    float: &'a BTreeMap<TensorId, Vec<f32>>,
    sums: &'a mut BTreeMap<TensorId, Sums>,
}

impl Observer for Compared<'_> {
    fn tensor(&mut self, id: TensorId, values: Slice<'_>) -> ControlFlow<()> {
        let float = self.by_quantised.get(&id).and_then(|left| self.float.get(left));
        if let Some(float) = float {
            let tensor = &self.graph.tensors[id];
            let reals = to_reals(tensor, &values.to_buffer());
            self.sums.entry(id).or_default().add(float, &reals, reach(tensor));
        }
        ControlFlow::Continue(())
    }
}

/// The reals at both ends of an integer tensor's type.
fn reach(tensor: &cofit_ir::Tensor) -> Option<(f32, f32)> {
    let (scale, zero) = tensor.quantisation.as_ref()?.at(0)?;
    let (low, high) = crate::mapping::Width::of(tensor.element)?.limits();
    let real = |stored: i64| (stored.saturating_sub(zero)) as f32 * scale;
    Some((real(low), real(high)))
}

fn described(graph: &Graph, sums: &BTreeMap<TensorId, Sums>) -> Vec<LayerError> {
    let mut errors = Vec::new();
    // The SQNR of every tensor that is known, through operators that have none of their own.
    let mut known: BTreeMap<TensorId, f64> = BTreeMap::new();
    for operator in graph.operators.values() {
        let before = operator
            .inputs
            .iter()
            .flatten()
            .filter_map(|id| known.get(id).copied())
            .fold(None, |worst: Option<f64>, sqnr| Some(worst.map_or(sqnr, |w| w.min(sqnr))));
        for &id in &operator.outputs {
            let Some(found) = sums.get(&id) else {
                known.extend(before.map(|before| (id, before)));
                continue;
            };
            let sqnr = found.sqnr();
            known.insert(id, sqnr);
            errors.push(LayerError {
                name: graph.tensors[id].name.clone(),
                kind: operator.kind(),
                sqnr,
                step: before.map(|before| if sqnr == before { 0.0 } else { sqnr - before }),
                cosine: found.cosine(),
                most: found.most,
                saturated: found.saturated as f64 / found.elements.max(1) as f64,
            });
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_measured_as_they_are_defined() {
        let mut sums = Sums::default();
        sums.add(&[3.0, 4.0, 9.0], &[3.0, 4.5, 8.0], Some((-8.0, 8.0)));
        assert!((sums.sqnr() - 10.0 * (106.0_f64 / 1.25).log10()).abs() < 1e-12);
        assert_eq!((sums.most, sums.saturated), (1.0, 1));
        assert!((sums.cosine() - 99.0 / (106.0_f64 * 93.25).sqrt()).abs() < 1e-12);
        assert_eq!(Sums::default().sqnr(), f64::INFINITY);
    }
}
