//! `cofit check`: does the model fit the chip?

use cofit_explore::{Budget, Status};
use cofit_report::check;
use cofit_vocab::{PicoJoules, Seconds};

use super::{Evaluated, emit};
use crate::args::CheckArgs;
use crate::failure::Failure;
use crate::{Outcome, load, output};

/// Runs the command. A verdict that cannot be told is no violation.
pub fn run(args: &CheckArgs) -> Result<Outcome, Failure> {
    let budget = budget(args.max_latency.as_deref(), args.max_energy.as_deref())?;
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

/// The limits that the command line sets.
///
/// # Errors
/// A text that is no time or no energy.
pub(super) fn budget(latency: Option<&str>, energy: Option<&str>) -> Result<Budget, Failure> {
    let seconds = |text: &str| {
        let units = [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0)];
        load::quantity(text, &units, "a time", "50ms").map(Seconds)
    };
    let picojoules = |text: &str| {
        let units = [("pJ", 1.0), ("nJ", 1e3), ("uJ", 1e6), ("mJ", 1e9), ("J", 1e12)];
        load::quantity(text, &units, "an energy", "2mJ").map(PicoJoules)
    };
    Ok(Budget {
        latency: latency.map(seconds).transpose()?,
        energy: energy.map(picojoules).transpose()?,
    })
}
