//! One command, one file.

pub mod advise;
pub mod calibrate;
pub mod check;
pub mod chips;
pub mod choose;
pub mod compare;
pub mod convert;
pub mod diff;
pub mod eval;
pub mod explain;
pub mod inspect;
pub mod pack;
pub mod pareto;
pub mod plan;
pub mod quantize;
pub mod report;
pub mod run;
pub mod search;
pub mod sensitivity;
pub mod sim;
pub mod sketch;
pub mod tflm;
pub mod validate;
pub mod verify;

use cofit_chip::Chip;
use cofit_explore::{Budget, Evaluation, evaluate};
use cofit_ir::verify::Verified;
use cofit_report::Subject;

use crate::args::{Format, ModelArgs, OutputArgs, TargetArgs};
use crate::failure::Failure;
use crate::{load, output};

/// A model on a chip, evaluated.
pub(crate) struct Evaluated {
    model: Verified,
    chip: Chip,
    evaluation: Evaluation,
}

impl Evaluated {
    /// Reads the model and the card, and evaluates the one on the other.
    fn new(model: &ModelArgs, target: &TargetArgs, budget: &Budget) -> Result<Self, Failure> {
        let chip = load::chip(&target.chip, &target.tuning)?;
        let model = load::model(&model.model, &model.reading)?;
        let evaluation = evaluate(&model, &chip, budget)?;
        Ok(Self { model, chip, evaluation })
    }

    fn subject(&self) -> Subject<'_> {
        Subject { model: self.model.model(), chip: &self.chip, evaluation: &self.evaluation }
    }
}

/// Writes a result in the chosen format.
pub(crate) fn emit(
    output: &OutputArgs,
    text: impl FnOnce() -> String,
    json: impl FnOnce() -> serde_json::Value,
    csv: impl FnOnce() -> String,
    markdown: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let rendered = match output.format {
        Format::Text => text(),
        Format::Json => cofit_report::json::text(&json()),
        Format::Csv => csv(),
        Format::Md => markdown(),
    };
    output::write(&rendered, output.output.as_deref())
}
