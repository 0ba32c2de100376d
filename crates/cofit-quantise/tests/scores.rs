//! Scores of the example models in float and quantised, in `scores.txt`.

mod support;

use std::fmt::Write as _;

use cofit_ir::Verified;
use cofit_quantise::bias_correction::bias_shifts;
use cofit_quantise::evaluate::Metric;
use cofit_quantise::quantise::Settings;
use cofit_quantise::{Calibration, Method, Scheme, quantise, unwatched};
use support::{Data, calibration, check, model};

/// One model with what it is scored by.
struct Subject {
    name: &'static str,
    source: &'static str,
    data: Data,
    metric: Metric,
    model: Verified,
    calibration: Calibration,
}

impl Subject {
    fn new(name: &'static str, data: &'static str, metric: Metric) -> Self {
        let model = model(&format!("{name}.tflite"));
        let calibration = calibration(&model, data);
        Self { name, source: data, data: Data::read(data), metric, model, calibration }
    }

    fn score(&self, scheme: &str, method: Method, bias_correction: bool) -> String {
        let mut settings = Settings { method, ..Settings::default() };
        let scheme: Scheme = scheme.parse().unwrap();
        if bias_correction {
            let samples = &Data::read(&format!("{}_calibration", self.source)).samples;
            let shifts = bias_shifts(
                &self.model,
                &self.calibration,
                &scheme,
                &settings,
                samples,
                &mut unwatched,
            );
            settings.bias_shifts = shifts.expect("it runs");
        }
        let quantised = quantise(&self.model, &self.calibration, &scheme, &settings)
            .expect("it can be quantised");
        assert_eq!(quantised.notes.len(), 0, "{:?}", quantised.notes);
        format!("{:.4}", self.data.score(&quantised.model, self.metric).value)
    }
}

#[test]
fn scores_of_the_examples() {
    let subjects = [
        Subject::new("digits_cnn_float32", "digits", Metric::TopK(1)),
        Subject::new("vibration_cnn_float32", "vibration", Metric::TopK(1)),
        Subject::new(
            "vibration_autoencoder_float32",
            "vibration_spectrum",
            Metric::ReconstructionRocAuc,
        ),
    ];
    let mut text = String::new();
    for subject in &subjects {
        let float = subject.data.score(&subject.model, subject.metric);
        writeln!(text, "{} float {:.4}", subject.name, float.value).unwrap();
        for scheme in ["w8a8", "w8a16", "w4a8", "w2a8", "w1a8"] {
            let min_max = subject.score(scheme, Method::MinMax, false);
            let percentile = subject.score(scheme, Method::Percentile(99.99), false);
            let mse = subject.score(scheme, Method::Mse, false);
            let corrected = subject.score(scheme, Method::MinMax, true);
            writeln!(
                text,
                "  {scheme} min-max {min_max} percentile {percentile} mse {mse} min-max, biases corrected {corrected}"
            )
            .unwrap();
        }
    }
    check("scores.txt", &text);
}
