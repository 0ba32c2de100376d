//! `cofit plan --pareto`: every trade of memory for work and time below the tensor.

use cofit_explore::{Budget, StreamingFront};
use cofit_report::pareto::{self, Front};
use cofit_stream::{Question, Side};
use cofit_vocab::Place;
use cofit_vocab::diagnostic::plan;

use super::{Evaluated, emit};
use crate::args::PlanArgs;
use crate::failure::Failure;
use crate::{Outcome, output, size};

/// Runs the command.
pub fn run(args: &PlanArgs) -> Result<Outcome, Failure> {
    let cap = args.cap.as_deref().map(size::parse).transpose()?;
    let evaluated = Evaluated::new(&args.model, &args.target(), &Budget::default())?;
    let side = |is_outside| if is_outside { Side::Outside } else { Side::Arena };
    let question = Question {
        inputs: side(args.inputs_outside),
        outputs: side(args.outputs_outside),
        may_recompute: !args.no_recompute,
    };
    let front = StreamingFront::of(&evaluated.evaluation.plan, &evaluated.chip, question)
        .map_err(|breach| Failure::new(&plan::STREAMING, breach.to_string(), Place::default()))?;
    let front = Front { subject: evaluated.subject(), front: &front, cap };
    emit(
        &args.output,
        || pareto::text(&front, output::rendering(&args.output)),
        || pareto::json_value(&front),
        || pareto::csv(&front),
        || pareto::markdown(&front),
    )?;
    let fits = cap.is_none_or(|cap| front.front.within(cap.get()).is_some());
    Ok(if fits { Outcome::Holds } else { Outcome::Violated })
}
