//! `cofit report`: everything about a model on a chip in one file.

use cofit_report::Subject;
use cofit_report::page::{self, Extras};

use super::Evaluated;
use crate::args::{ModelArgs, ReportArgs, TargetArgs};
use crate::failure::Failure;
use crate::{Outcome, load, output};

/// Runs the command. A model that does not fit has a report all the same.
pub fn run(args: &ReportArgs) -> Result<Outcome, Failure> {
    let budget = load::budget(args.max_latency.as_deref(), args.max_energy.as_deref())?;
    let first = Evaluated::new(&args.model, &args.target, &budget)?;
    let subject = first.subject();
    let text = if let Some(view) = args.svg {
        page::svg(&subject, view.0)
    } else {
        match second(args) {
            None => page(&subject),
            Some((model, target)) => {
                let second = Evaluated::new(&model, &target, &budget)?;
                let other = second.subject();
                let body = page::pair(&subject, &other)
                    + &page::body(&subject)
                    + &page::body_with(&other, &Extras { position: 1, ..Extras::default() });
                let title = format!("{} against {}", title(&subject), title(&other));
                page::document(&title, &body)
            }
        }
    };
    output::write(&text, args.output.as_deref())?;
    Ok(Outcome::Holds)
}

/// The page of one run.
pub(super) fn page(subject: &Subject<'_>) -> String {
    page::document(&title(subject), &page::body(subject))
}

fn title(subject: &Subject<'_>) -> String {
    format!("{} on {}", subject.model.name, subject.chip.id())
}

/// What the first run is laid beside.
fn second(args: &ReportArgs) -> Option<(ModelArgs, TargetArgs)> {
    if args.against.is_none() && args.against_chip.is_none() {
        return None;
    }
    let mut model = args.model.clone();
    if let Some(path) = &args.against {
        model.model.clone_from(path);
    }
    let mut target = args.target.clone();
    if let Some(chip) = &args.against_chip {
        target.chip.clone_from(chip);
        // Runtime, clock and changes are those of the first chip's card.
        target.tuning = crate::args::TuningArgs::default();
    }
    Some((model, target))
}
