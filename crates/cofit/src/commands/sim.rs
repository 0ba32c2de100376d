//! `cofit sim`: cycles, bytes and energy, layer by layer.

use cofit_explore::Budget;
use cofit_report::sim;

use super::{Evaluated, emit};
use crate::args::SimArgs;
use crate::failure::Failure;
use crate::{Outcome, output};

/// Runs the command. A model that does not fit is simulated all the same.
pub fn run(args: &SimArgs) -> Result<Outcome, Failure> {
    let evaluated = Evaluated::new(&args.model, &args.target, &Budget::default())?;
    let subject = evaluated.subject();
    emit(
        &args.output,
        || sim::text(&subject, output::rendering(&args.output)),
        || sim::json_value(&subject),
        || sim::csv(&subject),
        || sim::markdown(&subject),
    )?;
    Ok(Outcome::Holds)
}
