//! `cofit convert`: the model as a file of another format.

use std::ffi::OsStr;

use cofit_import::tflite;
use cofit_ir::text::{ConstantText, print};
use cofit_vocab::Place;
use cofit_vocab::diagnostic::usage;

use crate::args::ConvertArgs;
use crate::failure::Failure;
use crate::{Outcome, load, output};

/// Runs the command.
pub fn run(args: &ConvertArgs) -> Result<Outcome, Failure> {
    let model = load::model(&args.model.model, &args.model.reading)?;
    let bytes = match args.output.extension().and_then(OsStr::to_str) {
        Some("tflite") => tflite::write(model.model())?,
        Some("cofit") => print(model.model(), ConstantText::Whole).into_bytes(),
        _ => {
            let message = "the new file's name says its format, and ends in `.tflite` or `.cofit`";
            let place = Place::default().with_file(args.output.display().to_string());
            return Err(Failure::new(&usage::BAD_ARGUMENT, message, place));
        }
    };
    output::write_new(&args.output, &bytes)?;
    Ok(Outcome::Holds)
}
