//! `cofit explain`: what a code means and what to do about it.

use cofit_report::explain::{self, Explained};
use cofit_vocab::diagnostic::usage;
use cofit_vocab::{Code, Place};

use super::emit;
use crate::Outcome;
use crate::args::ExplainArgs;
use crate::failure::{Failure, exit_code};

/// Runs the command.
pub fn run(args: &ExplainArgs) -> Result<Outcome, Failure> {
    let explained = |code: &'static Code| (code, exit_code(code.fault));
    let codes: Vec<Explained> = match &args.code {
        None => Code::all().map(explained).collect(),
        Some(id) => {
            let code = Code::find(id).ok_or_else(|| {
                let message = format!("no rule has the code `{id}`");
                Failure::new(&usage::UNKNOWN_CODE, message, Place::default())
            })?;
            vec![explained(code)]
        }
    };
    emit(
        &args.output,
        || explain::text(&codes),
        || explain::json_value(&codes),
        || explain::csv(&codes),
        || explain::markdown(&codes),
    )?;
    Ok(Outcome::Holds)
}
