//! `cofit explain`: what a code means and what to do about it.

use std::fmt::Write as _;

use cofit_vocab::diagnostic::usage;
use cofit_vocab::{Code, Place};

use crate::args::ExplainArgs;
use crate::failure::{Failure, exit_code};
use crate::{Outcome, output};

/// Runs the command.
pub fn run(args: &ExplainArgs) -> Result<Outcome, Failure> {
    let mut text = String::new();
    match &args.code {
        None => {
            for code in Code::all() {
                let _ = writeln!(text, "{}  {}", code.id, code.title);
            }
        }
        Some(id) => {
            let code = Code::find(id).ok_or_else(|| {
                let message = format!("no rule has the code `{id}`");
                Failure::new(&usage::UNKNOWN_CODE, message, Place::default())
            })?;
            let _ = writeln!(text, "{}  {}\n", code.id, code.title);
            let _ = writeln!(text, "why  {}", code.why);
            let _ = writeln!(text, "do   {}", code.cure);
            let _ = writeln!(text, "exit {}", exit_code(code.fault));
        }
    }
    output::write(&text, None)?;
    Ok(Outcome::Holds)
}
