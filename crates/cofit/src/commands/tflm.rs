//! `cofit plan --tflm`: a copy of a .tflite file with a memory plan for TFLM.

use cofit_compile::tflm::plan;
use cofit_import::Format;
use cofit_import::tflite::offline_plan::{self, OfflinePlan};
use cofit_report::tflm::{self, Offline};
use cofit_vocab::diagnostic::tflite as code;
use cofit_vocab::{OperatorKind, Place};

use super::emit;
use crate::args::{OutputArgs, PlanArgs};
use crate::failure::Failure;
use crate::{Outcome, load, output, size};

/// Runs the command.
pub fn run(args: &PlanArgs) -> Result<Outcome, Failure> {
    let cap = args.cap.as_deref().map(size::parse).transpose()?;
    let path = &args.model.model;
    let name = path.display().to_string();
    let place = || Place::default().with_file(&name);
    let file = load::read(path, load::MODEL_LIMIT)?;
    if Format::detect(&file) != Some(Format::Tflite) {
        let message = "the model is no TFLite file";
        return Err(Failure::new(&code::PLAN_NEEDS_TFLITE, message, place()));
    }
    let model = load::model(path, &args.model.reading)?;
    let model = model.model();
    let Some(graph) = model.main() else {
        return Err(Failure::new(&code::NO_SUBGRAPH, "the file has no graph", place()));
    };
    let has_custom = graph.operators.values().any(|it| it.kind() == OperatorKind::Custom);
    if has_custom && offline_plan::is_planned(model) {
        let message = "the file carries a plan that its custom operators may rely on";
        return Err(Failure::new(&code::PLAN_NOT_WRITTEN, message, place()));
    }
    let planned = plan(graph).ok_or_else(|| {
        let message = "the tensors exceed 64 bits of addresses";
        Failure::new(&code::PLAN_NOT_WRITTEN, message, place())
    })?;
    let written = OfflinePlan { order: &planned.order, offsets: &planned.offsets };
    let copy = offline_plan::write(&file, &name, written)?;
    if let Some(path) = &args.output.output {
        output::write_new(path, &copy)?;
    }
    let offline = Offline { model, graph, plan: &planned, cap };
    let output = OutputArgs { format: args.output.format, output: None };
    emit(
        &output,
        || tflm::text(&offline, output::rendering(&output)),
        || tflm::json_value(&offline),
        || tflm::csv(&offline),
        || tflm::markdown(&offline),
    )?;
    let fits = cap.is_none_or(|cap| planned.head <= cap);
    Ok(if fits { Outcome::Holds } else { Outcome::Violated })
}
