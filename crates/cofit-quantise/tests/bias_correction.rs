//! Bias correction brings the means of the quantised model to those of the float model.

mod support;

use std::ops::ControlFlow;

use cofit_exec::{Observer, Options, Slice};
use cofit_ir::{OperatorId, TensorId, Verified};
use cofit_quantise::bias_correction::bias_shifts;
use cofit_quantise::evaluate::{Runner, to_reals};
use cofit_quantise::quantise::Settings;
use cofit_quantise::{Scheme, quantise, unwatched};
use support::{Data, calibration, model};

/// Sums up a tensor by its innermost axis.
struct Channels<'a>(&'a Verified, TensorId, Vec<f64>);

impl Observer for Channels<'_> {
    fn tensor(&mut self, id: TensorId, values: Slice<'_>) -> ControlFlow<()> {
        if id == self.1 {
            let tensor = &self.0.main_graph().tensors[id];
            for (at, real) in to_reals(tensor, &values.to_buffer()).iter().enumerate() {
                let channels = self.2.len();
                self.2[at % channels] += f64::from(*real);
            }
        }
        ControlFlow::Continue(())
    }
}

/// The mean of every output channel of an operator over samples.
fn means(model: &Verified, operator: OperatorId, data: &Data) -> Vec<f64> {
    let graph = model.main_graph();
    let output = graph.operators[operator].outputs[0];
    let shape = &graph.tensors[output].shape;
    let each = shape.elements() as f64 / f64::from(shape.last()) * data.samples.len() as f64;
    let mut seen = Channels(model, output, vec![0.0; shape.last() as usize]);
    let runner = Runner::new(model, &Options::default()).unwrap();
    for sample in &data.samples {
        let stored = runner.quantised(sample);
        runner.network().run(&mut runner.state(), &stored, &mut seen).unwrap();
    }
    seen.2.iter().map(|sum| sum / each).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn the_last_layers_means_meet() {
    for (name, data) in [
        ("digits_cnn_float32", "digits"),
        ("vibration_cnn_float32", "vibration"),
        ("vibration_autoencoder_float32", "vibration_spectrum"),
    ] {
        let model = model(&format!("{name}.tflite"));
        let measured = calibration(&model, data);
        let data = Data::read(&format!("{data}_calibration"));
        let scheme: Scheme = "w2a8".parse().unwrap();
        let mut settings = Settings::default();
        let plain = quantise(&model, &measured, &scheme, &settings).unwrap();
        settings.bias_shifts =
            bias_shifts(&model, &measured, &scheme, &settings, &data.samples, &mut unwatched)
                .unwrap();
        let corrected = quantise(&model, &measured, &scheme, &settings).unwrap();
        let at = plain.layers.len() - 1;
        let float = means(&model, plain.layers[at].source, &data);
        let before = distance(&means(&plain.model, plain.layers[at].operator, &data), &float);
        let after =
            distance(&means(&corrected.model, corrected.layers[at].operator, &data), &float);
        assert!(after < before / 5.0, "{name}: {before} before, {after} after");
    }
}
