//! `cofit plan --pareto`: every trade of memory for work and time below the tensor.

use cofit_chip::Timing;
use cofit_compile::ethos_u;
use cofit_ethos_u::WeightEncoding;
use cofit_explore::{Budget, StreamingFront};
use cofit_report::cascades;
use cofit_report::pareto::{self, Front};
use cofit_stream::{Question, Side};
use cofit_vocab::diagnostic::plan;
use cofit_vocab::{Bytes, Place};

use super::{Evaluated, emit};
use crate::args::PlanArgs;
use crate::failure::Failure;
use crate::{Outcome, output, size};

/// Runs the command.
pub fn run(args: &PlanArgs) -> Result<Outcome, Failure> {
    let cap = args.cap.as_deref().map(size::parse).transpose()?;
    let evaluated = Evaluated::new(&args.model, &args.target(), &Budget::default())?;
    if evaluated.chip.engines.iter().any(|engine| matches!(engine.timing, Timing::EthosU(_))) {
        return cascades(args, &evaluated, cap);
    }
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

/// Points of an Ethos-U's front that are laid out.
const MOST_POINTS: usize = 24;

/// On an Ethos-U, whose layers are cut into stripes by rules of its own.
fn cascades(
    args: &PlanArgs,
    evaluated: &Evaluated,
    cap: Option<Bytes>,
) -> Result<Outcome, Failure> {
    let front = ethos_u::front(
        evaluated.model.model(),
        &evaluated.chip,
        WeightEncoding::default(),
        MOST_POINTS,
    );
    if front.mistakes.has_errors() {
        return Err(front.mistakes.into());
    }
    let subject = evaluated.subject();
    emit(
        &args.output,
        || cascades::text(&front, &subject, cap, output::rendering(&args.output)),
        || cascades::json_value(&front, &subject, cap),
        || cascades::csv(&front, &subject),
        || cascades::markdown(&front, &subject),
    )?;
    let fits = cap.is_none_or(|cap| cascades::within(&front, cap).is_some());
    Ok(if fits { Outcome::Holds } else { Outcome::Violated })
}
