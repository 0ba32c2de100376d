//! What every suggestion has to hold.

use cofit_exec::{Buffer, Network, Options, probe};
use cofit_explore::advise::{Edit, Figures, Setting, Suggestion};
use cofit_explore::evaluate;
use cofit_ir::Verified;

/// The largest difference of floats, over the largest magnitude of the outputs or 1.
const TOLERANCE: f32 = 1e-4;

/// Inputs that every comparison runs on.
const SEEDS: [u64; 3] = [1, 2, 3];

/// Applies a suggestion's edit once more, from the start, and compares with the figures that it shows;
/// and holds it to what makes it one: it helps, in a figure that is not what it was.
///
/// # Errors
/// What does not hold.
pub fn holds(from: &Setting, suggestion: &Suggestion) -> Result<(), String> {
    let kind = suggestion.candidate.kind;
    let before = from.figures();
    if !suggestion.after.helps(&before) {
        return Err(format!("{kind} helps nothing"));
    }
    let (model, chip) = match &suggestion.candidate.edit {
        Edit::Model(model) => (model.clone(), from.chip.clone()),
        Edit::Target(target) => (from.model.clone(), target.2.clone()),
        Edit::Policy(chip) => (from.model.clone(), (**chip).clone()),
        Edit::Stream { arena, .. } => {
            let shown = suggestion.after.ram;
            return if shown >= *arena { Ok(()) } else { Err(format!("{kind} shows {shown}")) };
        }
    };
    // The model once more through its text, so that nothing but the model decides.
    let text = model.to_string();
    let parsed = cofit_ir::text::parse(&text, None).map_err(|found| format!("{found:#?}"))?;
    let again = Verified::new(parsed).map_err(|found| format!("{kind}: {found:#?}"))?;
    let evaluation =
        evaluate(&again, &chip, &from.budget).map_err(|found| format!("{kind}: {found:#?}"))?;
    let figures = Figures::of(&evaluation, &chip);
    if figures != suggestion.after {
        return Err(format!("{kind} shows {:?}\nand it is {figures:?}", suggestion.after));
    }
    Ok(())
}

/// Whether every operator of a model has a kernel and every constant its values.
#[allow(dead_code, reason = "a test crate uses a part of this module")]
pub fn is_executable(model: &Verified) -> bool {
    Network::prepare(model, &Options::default()).is_ok()
}

/// Runs both models on the same random inputs. Integers have to be equal to the bit.
///
/// # Errors
/// What differs, or why a model cannot be executed.
pub fn same_results(before: &Verified, after: &Verified) -> Result<(), String> {
    let prepare = |model: &Verified| {
        Network::prepare(model, &Options::default()).map_err(|found| format!("{found:#?}"))
    };
    let (before, after) = (prepare(before)?, prepare(after)?);
    for seed in SEEDS {
        let inputs: Vec<Buffer> = probe::inputs(before.model().main_graph(), seed)
            .into_iter()
            .collect::<Option<_>>()
            .ok_or("an input of a type that nothing computes in")?;
        let run = |network: &Network| {
            let outputs = network.run(&mut network.state(), &inputs, &mut ());
            outputs.map(Option::unwrap_or_default).map_err(|found| format!("{found:#?}"))
        };
        let (expected, found) = (run(&before)?, run(&after)?);
        if expected.len() != found.len() {
            return Err("another number of outputs".to_owned());
        }
        for (expected, found) in expected.iter().zip(&found) {
            let is_same = match (expected, found) {
                (Buffer::F32(a), Buffer::F32(b)) => {
                    let largest = a.iter().fold(1.0f32, |largest, it| largest.max(it.abs()));
                    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE * largest;
                    a.len() == b.len() && a.iter().zip(b).all(near)
                }
                _ => expected == found,
            };
            if !is_same {
                return Err(format!("{found:?}\nand not\n{expected:?}"));
            }
        }
    }
    Ok(())
}
