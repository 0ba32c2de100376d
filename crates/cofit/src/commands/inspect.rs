//! `cofit inspect`: what is in the model.

use cofit_ir::text::{ConstantText, print};
use cofit_report::inspect;

use super::emit;
use crate::args::InspectArgs;
use crate::failure::Failure;
use crate::{Outcome, load, output};

/// Runs the command.
pub fn run(args: &InspectArgs) -> Result<Outcome, Failure> {
    let verified = load::model(&args.model.model, &args.model.reading)?;
    let model = verified.model();
    if args.dump {
        output::write(&print(model, ConstantText::Whole), args.output.output.as_deref())?;
        return Ok(Outcome::Holds);
    }
    emit(
        &args.output,
        || inspect::text(model, output::rendering(&args.output)),
        || inspect::json_value(model),
        || inspect::csv(model),
        || inspect::markdown(model),
    )?;
    Ok(Outcome::Holds)
}
