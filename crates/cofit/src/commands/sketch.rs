//! `cofit sketch`: a network that fits the chip by construction.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use cofit_explore::sketching::{self, Answer, Dummy, Question};
use cofit_import::{onnx, tflite};
use cofit_report::sketch::{self, Sketched};
use cofit_report::source::{self, Framework};
use cofit_vocab::diagnostic::usage;
use cofit_vocab::{Diagnostics, Place};

use super::emit;
use crate::args::{OutputArgs, SketchArgs};
use crate::failure::Failure;
use crate::{Outcome, load, output, size};

/// Runs the command.
pub fn run(args: &SketchArgs) -> Result<Outcome, Failure> {
    let task = args.task.task();
    let name = match &args.output {
        Some(folder) => name(folder)?,
        None => "dummy".to_owned(),
    };
    let question = Question {
        task,
        input: args.input.as_deref().map_or(Ok(task.usual_input()), input)?,
        classes: length(args.classes.unwrap_or(task.usual_classes()))?,
        budget: load::budget(args.max_latency.as_deref(), args.max_energy.as_deref())?,
        sram: args.sram.as_deref().map(size::parse).transpose()?,
        flash: args.flash.as_deref().map(size::parse).transpose()?,
        name,
        seed: args.seed,
        evaluations: args.evaluations,
    };
    let chip = load::chip(&args.target.chip, &args.target.tuning)?;
    let answer = sketching::sketch(&question, &chip)?;
    if let (Some(folder), Answer::Dummy(dummy)) = (&args.output, &answer) {
        write(folder, &question, dummy)?;
    }
    let sketched = Sketched { question: &question, chip: &chip, answer: &answer };
    let to_screen = OutputArgs { format: args.format, output: None };
    emit(
        &to_screen,
        || sketch::text(&sketched, output::rendering(&to_screen)),
        || sketch::json_value(&sketched),
        || sketch::csv(&sketched),
        || sketch::markdown(&sketched),
    )?;
    Ok(match answer {
        Answer::Dummy(_) => Outcome::Holds,
        Answer::Impossible(_) | Answer::Unsettled(_) => Outcome::Violated,
    })
}

fn refuse(message: String) -> Failure {
    Failure::new(&usage::BAD_ARGUMENT, message, Place::default())
}

/// The network's name from that of the folder.
fn name(folder: &Path) -> Result<String, Failure> {
    let name = folder.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if name.is_empty() || name.len() > 48 || !name.bytes().all(is_plain) {
        return Err(refuse(format!(
            "`{}` is no name of a network: letters, digits, `_`, `-` and `.`, at most 48",
            folder.display()
        )));
    }
    Ok(name.to_owned())
}

/// Rows, columns and channels of `49x10x1`, `512x3` or `640`.
fn input(text: &str) -> Result<[u32; 3], Failure> {
    let lengths: Option<Vec<u32>> = text.split('x').map(|part| part.parse().ok()).collect();
    let lengths = match lengths.as_deref() {
        Some(&[features]) => [1, 1, features],
        Some(&[samples, channels]) => [samples, 1, channels],
        Some(&[rows, columns, channels]) => [rows, columns, channels],
        Some(_) | None => {
            return Err(refuse(format!(
                "`{text}` is no input; write it as in `49x10x1` or `512x3`"
            )));
        }
    };
    for axis in lengths {
        length(axis)?;
    }
    Ok(lengths)
}

/// A length that a sketch can have.
fn length(length: u32) -> Result<u32, Failure> {
    if (1..=sketching::LENGTH).contains(&length) {
        return Ok(length);
    }
    Err(refuse(format!("{length} is no length from 1 to {}", sketching::LENGTH)))
}

/// Writes every form of the dummy into a new folder.
fn write(folder: &Path, question: &Question, dummy: &Dummy) -> Result<(), Failure> {
    fs::create_dir(folder).map_err(|error| {
        let place = Place::default().with_file(folder.display().to_string());
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            Failure::new(&usage::OUTPUT_EXISTS, "the folder exists already", place)
        } else {
            Failure::new(&usage::UNWRITABLE_FILE, error.to_string(), place)
        }
    })?;
    let name = &question.name;
    output::write_new(&folder.join(format!("{name}.toml")), dummy.text.as_bytes())?;
    let model = dummy.model.model();
    let written = |framework| source::write(model, framework).map(String::into_bytes);
    let forms: [(&str, Result<Vec<u8>, Diagnostics>); 4] = [
        (".tflite", tflite::write(model)),
        (".onnx", onnx::write(model)),
        ("_torch.py", written(Framework::Torch)),
        ("_keras.py", written(Framework::Keras)),
    ];
    for (ending, form) in forms {
        let path = folder.join(format!("{name}{ending}"));
        match form {
            Ok(bytes) => output::write_new(&path, &bytes)?,
            // A form that cannot hold the network, as where no format stores one-bit weights, is told and
            // left out.
            Err(diagnostics) => {
                let place = path.display().to_string();
                output::complain(&format!(
                    "{place} is left out: {}\n",
                    Failure::from(diagnostics).headline()
                ));
            }
        }
    }
    Ok(())
}
