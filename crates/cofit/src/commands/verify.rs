//! `cofit verify`: our execution against LiteRT, tflite-micro or onnxruntime.

use std::path::Path;

use cofit_exec::{Network, Options};
use cofit_import::{Format, tflite};
use cofit_report::verify::{self as report, Agreement, Outcome, Verified};
use cofit_vocab::diagnostic::usage;
use cofit_vocab::{Diagnostic, Place};

use super::emit;
use crate::args::{ReferenceArg, VerifyArgs};
use crate::failure::Failure;
use crate::progress::Bar;
use crate::verify::{Answer, ask, compare, random_inputs};
use crate::{load, output};

/// Runs the command.
pub fn run(args: &VerifyArgs) -> Result<crate::Outcome, Failure> {
    let mut models = Vec::new();
    let mut bar = Bar::new("verifying");
    for file in &args.models {
        let _ = bar.step(models.len(), args.models.len());
        let outcome = match verified(file, args) {
            Ok(outcome) => outcome,
            // One unreadable file among many is a line of the table.
            Err(failure) if args.models.len() > 1 => Outcome::Refused(failure.headline()),
            Err(failure) => return Err(failure),
        };
        models.push(Verified { file: file.display().to_string(), outcome });
    }
    drop(bar);
    if let [Verified { outcome: Outcome::Skipped(reason), .. }] = models.as_slice() {
        return Err(Diagnostic::error(&usage::NO_REFERENCE, reason, Place::default()).into());
    }
    emit(
        &args.output,
        || report::text(&models, output::rendering(&args.output)),
        || report::json_value(&models),
        || report::csv(&models),
        || report::markdown(&models),
    )?;
    let differs = models.iter().any(|model| model.agreement() == Some(Agreement::Different));
    Ok(if differs { crate::Outcome::Violated } else { crate::Outcome::Holds })
}

/// Runs one model in both.
fn verified(file: &Path, args: &VerifyArgs) -> Result<Outcome, Failure> {
    let format = Format::detect(&bytes::Bytes::from(load::read(file, load::MODEL_LIMIT)?));
    let model = load::model(file, &args.reading)?;
    let network = match Network::prepare(&model, &Options::default()) {
        Ok(network) => network,
        Err(found) => return Ok(Outcome::Refused(Failure::from(found).headline())),
    };
    let graph = model.main_graph();
    let references: &[&str] = match (args.against, format) {
        (ReferenceArg::Auto, Some(Format::Onnx)) => &["onnxruntime"],
        (ReferenceArg::Auto, _) => &["tflite-micro", "litert"],
        (ReferenceArg::TfliteMicro, _) => &["tflite-micro"],
        (ReferenceArg::Litert, _) => &["litert"],
        (ReferenceArg::Onnxruntime, _) => &["onnxruntime"],
    };
    // Sketches and model text are written as TFLite for the interpreters.
    let folder = tempfile::tempdir().map_err(|error| {
        Failure::new(&usage::UNWRITABLE_FILE, error.to_string(), Place::default())
    })?;
    let written = folder.path().join("model.tflite");
    let path = match format {
        Some(Format::Tflite | Format::Onnx) => file,
        Some(Format::Sketch | Format::Text) | None => {
            output::write_new(&written, &tflite::write(model.model())?)?;
            &written
        }
    };
    let mut reasons = Vec::new();
    for reference in references {
        let mut runs = Vec::new();
        let mut name = String::new();
        for seed in 0..args.inputs {
            let inputs = random_inputs(graph, seed)?;
            match ask(&args.python, reference, path, graph, &inputs)? {
                Answer::Ran { version, tensors } => {
                    name = format!("{reference} {version}");
                    runs.push(compare(&network, &inputs, &tensors)?);
                }
                Answer::Missing(package) => {
                    reasons.push(format!("{reference} is not installed ({package})"));
                    break;
                }
                Answer::Refused(reason) => {
                    reasons.push(format!("{reference} refuses it: {reason}"));
                    break;
                }
            }
        }
        if runs.len() as u64 == args.inputs {
            return Ok(Outcome::Compared { reference: name, runs });
        }
    }
    Ok(Outcome::Skipped(reasons.join("; ")))
}
