//! The example models with their data.

#![allow(dead_code, reason = "every test takes what it needs")]

use std::path::{Path, PathBuf};

use cofit_exec::{Buffer, Options};
use cofit_ir::Verified;
use cofit_quantise::evaluate::{Metric, Score, Truth, evaluate};
use cofit_quantise::{Calibration, calibrate, unwatched};

/// A file of the example models.
pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/models").join(name)
}

/// Reads a model.
pub fn model(name: &str) -> Verified {
    let bytes = std::fs::read(example(name)).expect("the example is there");
    let (model, found) = cofit_import::tflite::read(bytes.into(), name);
    assert!(!found.has_errors(), "{found:?}");
    Verified::new(model.expect("a model")).expect("a sound model")
}

/// Real samples with their labels.
pub struct Data {
    pub samples: Vec<Vec<Buffer>>,
    pub labels: Vec<u32>,
}

impl Data {
    /// Reads `data/NAME.npz`: integer codes, labels, and the real size of a code.
    pub fn read(name: &str) -> Self {
        let mut archive =
            npyz::npz::NpzArchive::open(example(&format!("data/{name}.npz"))).unwrap();
        let scale = archive.by_name("scale").unwrap().unwrap().into_vec::<f32>().unwrap()[0];
        let labels = archive.by_name("labels").unwrap().unwrap().into_vec::<u8>().unwrap();
        let codes: Vec<f32> = {
            let array = archive.by_name("inputs").unwrap().unwrap();
            match array.dtype().descr().as_str() {
                "'|u1'" => array.into_vec::<u8>().unwrap().into_iter().map(f32::from).collect(),
                "'|i1'" => array.into_vec::<i8>().unwrap().into_iter().map(f32::from).collect(),
                _ => array.into_vec::<i16>().unwrap().into_iter().map(f32::from).collect(),
            }
        };
        let each = codes.len() / labels.len();
        let samples = codes
            .chunks_exact(each)
            .map(|codes| vec![Buffer::F32(codes.iter().map(|code| code * scale).collect())])
            .collect();
        Self { samples, labels: labels.into_iter().map(u32::from).collect() }
    }

    /// The labels as the truth.
    pub fn truth(&self) -> Truth {
        Truth::Labels(self.labels.clone())
    }

    /// The score of a model on all samples.
    pub fn score(&self, model: &Verified, metric: Metric) -> Score {
        let options = Options::default();
        evaluate(model, &self.samples, &self.truth(), metric, &options, &mut unwatched).unwrap()
    }
}

/// Calibrates on `data/NAME_calibration.npz`.
pub fn calibration(model: &Verified, data: &str) -> Calibration {
    let data = Data::read(&format!("{data}_calibration"));
    calibrate(model, &data.samples, &Options::default(), &mut unwatched).unwrap()
}

/// Compares with a file beside the tests; `UPDATE=1` rewrites it.
pub fn check(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == found, "{name} differs; UPDATE=1 rewrites it. Found:\n{found}");
}
