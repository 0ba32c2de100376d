//! Model and chip to verdict, through the same doors as every other use.

use cofit_chip::Chip;
use cofit_compile::{Compiled, Plan, compile};
use cofit_ir::verify::Verified;
use cofit_sim::{Profile, simulate};
use cofit_vocab::Diagnostics;

use crate::verdict::{Budget, Verdict};

/// Everything that is known about one model on one chip.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The plan.
    pub plan: Plan,
    /// What the plan costs.
    pub profile: Profile,
    /// Whether the chip runs it within the budget.
    pub verdict: Verdict,
}

/// Compiles, simulates and judges.
///
/// # Errors
/// The plan breaks its own rules, which is a mistake of cofit.
pub fn evaluate(model: &Verified, chip: &Chip, budget: &Budget) -> Result<Evaluation, Diagnostics> {
    let Compiled { plan, mistakes } = compile(model.model(), chip, &mut ());
    if mistakes.has_errors() {
        return Err(mistakes);
    }
    let profile = simulate(&plan, chip);
    let verdict = Verdict::of(&plan, &profile, chip, budget);
    Ok(Evaluation { plan, profile, verdict })
}
