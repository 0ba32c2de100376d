//! Taking out the mean error that coarse weights and activations make.
//!
//! Rounding shifts the mean of every output channel of a layer, which a bias can take back:
//! empirical bias correction (Nagel et al., "Data-Free Quantization Through Weight Equalization and
//! Bias Correction", 2019, appendix D). Layer after layer, in the order of the model and with all
//! layers before it corrected, the mean of the quantised layer's results over the samples is brought
//! to that of the float layer's.
//!
//! The means are those behind the fused activation, which is what the next layer sees. Means before
//! it, as in the paper, cost classifiers far more accuracy below 4 bits: coarse weights spread the
//! sums less, and rectified channels with the right mean and too little spread go silent. A rectifier
//! passes on a part of a change of the bias only, so that a few steps are taken; as it never passes
//! on more than the change, no step goes too far.
//!
//! Below 4 bits the right means do not make up for what rounding does to everything else: score both
//! models before keeping the corrected one.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use cofit_exec::{Buffer, Observer, Slice};
use cofit_ir::{OperatorId, Tensor, TensorId, Verified};
use cofit_vocab::Diagnostics;

use crate::evaluate::{Runner, to_reals};
use crate::quantise::{Quantised, Settings};
use crate::{Calibration, Progress, Scheme, advance, quantise};

/// Steps that are taken for a layer.
const STEPS: usize = 3;

/// What to take from the bias of every layer with weights, by output channel and by the operator of
/// the float model: for [`Settings::bias_shifts`].
///
/// Runs the quantised model on all samples three times for every layer, each time up to that layer.
///
/// # Errors
/// What quantisation and execution refuse, and the watcher's wish to stop.
pub fn bias_shifts(
    model: &Verified,
    calibration: &Calibration,
    scheme: &Scheme,
    settings: &Settings,
    samples: &[Vec<Buffer>],
    progress: &mut Progress<'_>,
) -> Result<BTreeMap<OperatorId, Vec<f64>>, Diagnostics> {
    let mut settings = Settings { bias_shifts: BTreeMap::new(), ..settings.clone() };
    let mut quantised = quantise(model, calibration, scheme, &settings)?;
    let layers = quantised.layers.len();
    let all = layers * STEPS * samples.len();
    for at in 0..layers {
        let source = quantised.layers[at].source;
        let output = model.main_graph().operators[source].outputs.first().copied();
        let Some(wanted) = output.and_then(|id| calibration.channel_means(id)) else { continue };
        for step in 0..STEPS {
            let before = (at * STEPS + step) * samples.len();
            let operator = quantised.layers[at].operator;
            let found = observe(&quantised, operator, samples, &settings, &mut |done| {
                advance(progress, before + done, all)
            })?;
            let Some(found) = found.filter(|found| found.len() == wanted.len()) else { break };
            let shift = settings.bias_shifts.entry(source).or_default();
            shift.resize(wanted.len(), 0.0);
            for ((shift, found), wanted) in shift.iter_mut().zip(&found).zip(&wanted) {
                *shift += found - wanted;
            }
            quantised = quantise(model, calibration, scheme, &settings)?;
        }
    }
    advance(progress, all, all)?;
    Ok(settings.bias_shifts)
}

/// The mean of every channel of the result of `operator`, running the model up to there.
fn observe(
    quantised: &Quantised,
    operator: OperatorId,
    samples: &[Vec<Buffer>],
    settings: &Settings,
    advance: &mut dyn FnMut(usize) -> Result<(), Diagnostics>,
) -> Result<Option<Vec<f64>>, Diagnostics> {
    let graph = quantised.model.main_graph();
    let Some(&output) = graph.operators[operator].outputs.first() else { return Ok(None) };
    let tensor = &graph.tensors[output];
    let channels = tensor.shape.last() as usize;
    let runner = Runner::new(&quantised.model, &settings.execution)?;
    let mut seen = Seen { output, tensor, sums: vec![0.0; channels], rows: 0 };
    for (done, sample) in samples.iter().enumerate() {
        advance(done)?;
        runner.network().run(&mut runner.state(), &runner.quantised(sample), &mut seen)?;
    }
    let rows = seen.rows.max(1) as f64;
    Ok(Some(seen.sums.iter().map(|sum| sum / rows).collect()))
}

/// Sums up one tensor by its innermost axis, and ends the run behind it.
struct Seen<'a> {
    output: TensorId,
    tensor: &'a Tensor,
    sums: Vec<f64>,
    rows: u64,
}

impl Observer for Seen<'_> {
    fn tensor(&mut self, id: TensorId, values: Slice<'_>) -> ControlFlow<()> {
        if id != self.output {
            return ControlFlow::Continue(());
        }
        let reals = to_reals(self.tensor, &values.to_buffer());
        for row in reals.chunks_exact(self.sums.len().max(1)) {
            for (sum, &real) in self.sums.iter_mut().zip(row) {
                *sum += f64::from(real);
            }
            self.rows += 1;
        }
        ControlFlow::Break(())
    }
}
