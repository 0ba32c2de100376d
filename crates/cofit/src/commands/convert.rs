//! `cofit convert`: the model as a file of another format.

use std::ffi::OsStr;

use cofit_canonical::{canonicalise, remove_unused_tensors, spell_out_padding};
use cofit_import::{onnx, tflite};
use cofit_ir::Verified;
use cofit_ir::text::{ConstantText, print};
use cofit_report::source::{self, Framework};
use cofit_vocab::Place;
use cofit_vocab::diagnostic::usage;

use crate::args::{ConvertArgs, FrameworkArg};
use crate::failure::Failure;
use crate::{Outcome, load, output};

/// Runs the command.
pub fn run(args: &ConvertArgs) -> Result<Outcome, Failure> {
    let mut model = load::model(&args.model.model, &args.model.reading)?;
    let refuse = |message: &str| {
        let place = Place::default().with_file(args.output.display().to_string());
        Failure::new(&usage::BAD_ARGUMENT, message, place)
    };
    let extension = args.output.extension().and_then(OsStr::to_str);
    if args.canonical {
        model = canonical(model, extension == Some("tflite"))?;
    }
    let bytes = match extension {
        Some("tflite") => tflite::write(model.model())?,
        Some("onnx") => onnx::write(model.model())?,
        Some("cofit") => print(model.model(), ConstantText::Whole).into_bytes(),
        Some("py") => {
            let framework = match args.framework {
                Some(FrameworkArg::Torch) => Framework::Torch,
                Some(FrameworkArg::Keras) => Framework::Keras,
                None => return Err(refuse("a `.py` file needs `--framework torch` or `keras`")),
            };
            source::write(model.model(), framework)?.into_bytes()
        }
        _ => {
            return Err(refuse(
                "the new file's name says its format, and ends in `.tflite`, `.onnx`, `.cofit` or \
                 `.py`",
            ));
        }
    };
    output::write_new(&args.output, &bytes)?;
    Ok(Outcome::Holds)
}

/// The model in canonical form, after telling what was changed. TFLite has no explicit padding, so it is
/// written as operators there.
fn canonical(model: Verified, is_for_tflite: bool) -> Result<Verified, Failure> {
    let mut model = model.into_model();
    if let Some(graph) = model.main_mut() {
        for change in canonicalise(graph) {
            let plural = if change.operators == 1 { "" } else { "s" };
            let (pass, count) = (change.pass, change.operators);
            output::complain(&format!("{pass} changed {count} operator{plural}\n"));
        }
        if is_for_tflite {
            spell_out_padding(graph);
        }
        remove_unused_tensors(graph);
    }
    Ok(Verified::new(model)?)
}
