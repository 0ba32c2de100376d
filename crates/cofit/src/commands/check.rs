//! `cofit check`: does the model fit the chip?

use cofit_explore::Status;
use cofit_report::check;

use super::{Evaluated, emit};
use crate::args::CheckArgs;
use crate::failure::Failure;
use crate::{Outcome, load, output};

/// Runs the command. A verdict that cannot be told is no violation.
pub fn run(args: &CheckArgs) -> Result<Outcome, Failure> {
    let budget = load::budget(args.max_latency.as_deref(), args.max_energy.as_deref())?;
    let evaluated = Evaluated::new(&args.model, &args.target, &budget)?;
    let subject = evaluated.subject();
    emit(
        &args.output,
        || check::text(&subject, output::rendering(&args.output)),
        || check::json_value(&subject),
        || check::csv(&subject),
        || check::markdown(&subject),
    )?;
    Ok(match evaluated.evaluation.verdict.status {
        Status::Pass | Status::Unknown => Outcome::Holds,
        Status::Fail => Outcome::Violated,
    })
}
