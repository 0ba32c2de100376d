//! `cofit quantize`: a float model to an integer one, with what that saves and costs.

use std::ffi::OsStr;
use std::path::Path;

use cofit_import::tflite;
use cofit_ir::Verified;
use cofit_ir::text::{ConstantText, print};
use cofit_quantise::equalise::{Equalised, Relu6, equalise};
use cofit_quantise::evaluate::Score;
use cofit_quantise::layer_error::layer_errors;
use cofit_quantise::quantise::Settings;
use cofit_quantise::scheme::Border;
use cofit_quantise::{Method, Scheme, calibrate, quantise};
use cofit_report::quantize::{Comparison, Quantisation};
use cofit_report::score::DataUsed;
use cofit_vocab::diagnostic::usage;
use cofit_vocab::{Bytes, Diagnostic, Diagnostics, Place};

use super::emit;
use crate::args::{DataArgs, JudgeArgs, OutputArgs, QuantizeArgs};
use crate::data::Dataset;
use crate::failure::Failure;
use crate::progress::Bar;
use crate::scoring::{self, Judge};
use crate::{Outcome, load, output};

/// What the new file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Tflite,
    Text,
}

/// Runs the command.
pub fn run(args: &QuantizeArgs) -> Result<Outcome, Failure> {
    let stored = stored(&args.output)?;
    let mut scheme: Scheme = args.scheme.parse()?;
    for layer in &args.layers {
        scheme.set_layer(layer)?;
    }
    if args.float_io {
        scheme.border = Border::Float;
    }
    let settings = settings(&args.range, !args.no_bias_correction)?;
    let source = load::model(&args.model.model, &args.model.sketch)?;
    let (model, balanced) = match args.equalise {
        true => {
            let Equalised { model, pairs } = equalise(&source, Relu6::Keep)?;
            (model, pairs.len())
        }
        false => (source.clone(), 0),
    };
    let data = calibration_data(&args.data, &args.judge, &model)?;
    let test = judged_data(&args.data, &args.judge, &model)?;
    let judged = test.as_ref().unwrap_or(&data);
    let judge = Judge::new(judged, &model, args.judge.metric)?;

    let samples = data.samples()?;
    let mut bar = Bar::new("calibrating");
    let calibration =
        calibrate(&model, &samples, &settings.execution, &mut |done, all| bar.step(done, all))?;
    drop(bar);
    let quantised = quantise(&model, &calibration, &scheme, &settings)?;
    let bytes = encoded(&quantised.model, stored, &args.output)?;

    let before = scoring::outputs(&source, judged, &settings.execution, "float")?;
    let after = scoring::outputs(&quantised.model, judged, &settings.execution, "quantised")?;
    let (scores, change) = match &judge {
        Some(judge) => {
            let scores: (Score, Score) = (judge.score(&before)?, judge.score(&after)?);
            (Some((judge.metric, scores.0, scores.1)), judge.change(&before, &after))
        }
        None => (None, scoring::change(&before, &after, None)),
    };
    let mut bar = Bar::new("comparing layers");
    let errors =
        layer_errors(&model, &quantised.model, &samples, &settings.execution, &mut |done, all| {
            bar.step(done, all)
        })?;
    drop(bar);

    output::write_new(&args.output, &bytes)?;
    let used = |data: &Dataset| DataUsed { name: data.name().to_owned(), samples: data.len() };
    let report = Quantisation {
        float: source.model(),
        scheme: scheme_name(&scheme),
        range: range_words(settings.method),
        measures: measures(args, balanced),
        calibration: used(&data),
        comparison: Comparison {
            data: used(judged),
            is_calibration: test.is_none(),
            scores,
            change,
        },
        layers: &quantised.layers,
        errors: &errors,
        notes: &quantised.notes,
        chip: None,
        file: (args.output.display().to_string(), Bytes(bytes.len() as u64)),
        float_file: file_bytes(&args.model.model),
    };
    let output = OutputArgs { format: args.format, output: None };
    emit(
        &output,
        || report.text(output::rendering(&output)),
        || report.json_value(),
        || report.csv(),
        || report.markdown(),
    )?;
    Ok(Outcome::Holds)
}

/// The format that the new file's name says. A file that is there already is refused before the
/// work and not after it.
fn stored(path: &Path) -> Result<Stored, Failure> {
    let place = || Place::default().with_file(path.display().to_string());
    let stored = match path.extension().and_then(OsStr::to_str) {
        Some("tflite") => Stored::Tflite,
        Some("cofit") => Stored::Text,
        _ => {
            let message = "the new file's name says its format, and ends in `.tflite` or `.cofit`";
            return Err(Failure::new(&usage::BAD_ARGUMENT, message, place()));
        }
    };
    match path.symlink_metadata() {
        Ok(_) => Err(Failure::new(&usage::OUTPUT_EXISTS, "the file exists already", place())),
        Err(_) => Ok(stored),
    }
}

/// The model in its new file's format. What TFLite has no type for goes into model text.
fn encoded(model: &Verified, stored: Stored, path: &Path) -> Result<Vec<u8>, Failure> {
    match stored {
        Stored::Text => Ok(print(model.model(), ConstantText::Whole).into_bytes()),
        Stored::Tflite => tflite::write(model.model()).map_err(|refused| {
            let text = path.with_extension("cofit");
            let help =
                format!("model text stores every width: write it with `-o {}`", text.display());
            // One layer says what all the others would say again.
            let first = refused.into_vec().into_iter().next();
            let told: Diagnostics =
                first.map_or_else(Diagnostics::new, |one| one.with_help(help).into());
            Failure::from(told)
        }),
    }
}

/// The data that ranges are measured on. It needs no labels where other data is judged on.
///
/// # Errors
/// Those of [`Dataset::open`].
pub(super) fn calibration_data(
    data: &DataArgs,
    judge: &JudgeArgs,
    model: &Verified,
) -> Result<Dataset, Failure> {
    let mut args = data.clone();
    args.labels = args.labels.filter(|_| judge.test.is_none());
    Dataset::open(&args, model)
}

/// The data that models are judged on, where it is not the data of the calibration.
///
/// # Errors
/// Those of [`Dataset::open`].
pub(super) fn judged_data(
    data: &DataArgs,
    judge: &JudgeArgs,
    model: &Verified,
) -> Result<Option<Dataset>, Failure> {
    let Some(path) = &judge.test else { return Ok(None) };
    let args = DataArgs { data: path.clone(), samples: None, skip: 0, ..data.clone() };
    Dataset::open(&args, model).map(Some)
}

/// How a model is quantised beside the scheme.
///
/// # Errors
/// A range that is none.
pub(super) fn settings(range: &str, bias_correction: bool) -> Result<Settings, Failure> {
    let percentile = || {
        let share: f64 = range.strip_prefix("percentile=")?.parse().ok()?;
        (share > 50.0 && share <= 100.0).then_some(Method::Percentile(share))
    };
    let method = match range {
        "minmax" => Method::MinMax,
        "mse" => Method::Mse,
        _ => percentile().ok_or_else(|| {
            let message = format!("`--range {range}` is not minmax, mse or percentile=P");
            let diagnostic = Diagnostic::error(&usage::BAD_ARGUMENT, message, Place::default());
            diagnostic.with_help("P lies above 50 and up to 100, as in `--range percentile=99.9`")
        })?,
    };
    Ok(Settings { method, bias_correction, ..Settings::default() })
}

fn range_words(method: Method) -> String {
    match method {
        Method::MinMax => "least to greatest value".to_owned(),
        Method::Percentile(share) => format!("{share} % of the values"),
        Method::Mse => "ranges of least squared error".to_owned(),
    }
}

/// What is done beside quantising, with the number of pairs of layers that were balanced.
fn measures(args: &QuantizeArgs, balanced: usize) -> Vec<String> {
    let mut measures = Vec::new();
    if args.equalise {
        measures.push(format!("{balanced} pairs of layers balanced"));
    }
    if !args.no_bias_correction {
        measures.push("biases corrected".to_owned());
    }
    if args.float_io {
        measures.push("float inputs and outputs".to_owned());
    }
    measures
}

/// `w4a8`, or `w4a8 and others`.
fn scheme_name(scheme: &Scheme) -> String {
    let others = scheme.layers.values().filter(|layer| **layer != scheme.all).count();
    match others {
        0 => scheme.all.to_string(),
        1 => format!("{}, 1 layer otherwise", scheme.all),
        others => format!("{}, {others} layers otherwise", scheme.all),
    }
}

/// Bytes of the model file.
fn file_bytes(path: &Path) -> Bytes {
    Bytes(path.metadata().map_or(0, |metadata| metadata.len()))
}
