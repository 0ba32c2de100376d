//! Reads a model file and writes the model as a TFLite file: `rewrite IN OUT.tflite`.
//!
//! `checks/litert_runs_ours.py` compares what the official interpreter makes of them.

use std::path::Path;
use std::process::ExitCode;

use cofit_import::tflite;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else {
        return failure("usage: rewrite IN OUT.tflite");
    };
    match rewrite(input, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => failure(&message),
    }
}

#[allow(clippy::print_stderr, reason = "an example is a program of its own")]
fn failure(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}

fn rewrite(input: &str, output: &str) -> Result<(), String> {
    let list = |messages: &cofit_vocab::Diagnostics| {
        let lines: Vec<String> = messages.iter().map(ToString::to_string).collect();
        lines.join("\n")
    };
    let bytes = std::fs::read(input).map_err(|error| format!("{input}: {error}"))?;
    let (model, messages) = cofit_import::load(bytes.into(), input);
    let model = model.ok_or_else(|| list(&messages))?;
    let file = tflite::write(&model).map_err(|messages| list(&messages))?;
    std::fs::write(Path::new(output), file).map_err(|error| format!("{output}: {error}"))
}
