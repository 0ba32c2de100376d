//! `cofit plan`: the memory plan, and a look between the compiler's passes.

use std::fmt::Write as _;
use std::time::Duration;

use cofit_chip::Chip;
use cofit_compile::passes::PASSES;
use cofit_compile::{Observer, Plan, certificate, compile, dump};
use cofit_explore::Budget;
use cofit_report::plan::{self, Planned};
use cofit_vocab::Place;
use cofit_vocab::diagnostic::usage;

use super::{Evaluated, emit};
use crate::args::PlanArgs;
use crate::failure::Failure;
use crate::{Outcome, load, output, size};

/// Runs the command.
pub fn run(args: &PlanArgs) -> Result<Outcome, Failure> {
    let printed = args.print_after.iter().filter(|name| *name != "all");
    for name in printed.chain(&args.stop_after) {
        if !PASSES.iter().any(|pass| pass.name == name) {
            let names: Vec<&str> = PASSES.iter().map(|pass| pass.name).collect();
            let message = format!("there is no pass `{name}`, only {}", names.join(", "));
            return Err(Failure::new(&usage::UNKNOWN_PASS, message, Place::default()));
        }
    }
    if args.print_after.is_some() || args.stop_after.is_some() || args.timings {
        return watch(args);
    }
    if args.tflm {
        return super::tflm::run(args);
    }
    if args.pareto {
        return super::pareto::run(args);
    }
    let cap = args.cap.as_deref().map(size::parse).transpose()?;
    let evaluated = Evaluated::new(&args.model, &args.target(), &Budget::default())?;
    let certificate = args.certificate.then(|| certificate::of(&evaluated.evaluation.plan));
    let planned = Planned { subject: evaluated.subject(), cap, certificate: certificate.as_ref() };
    emit(
        &args.output,
        || plan::text(&planned, output::rendering(&args.output)),
        || plan::json_value(&planned),
        || plan::csv(&planned),
        || plan::markdown(&planned),
    )?;
    Ok(if planned.fits() { Outcome::Holds } else { Outcome::Violated })
}

/// Runs the passes under observation and prints what was asked for.
fn watch(args: &PlanArgs) -> Result<Outcome, Failure> {
    let target = args.target();
    let chip = load::chip(&target.chip, &target.tuning)?;
    let model = load::model(&args.model.model, &args.model.reading)?;
    let mut watcher = Watcher { args, chip: &chip, text: String::new() };
    let compiled = compile(model.model(), &chip, &mut watcher);
    if compiled.mistakes.has_errors() {
        return Err(compiled.mistakes.into());
    }
    output::write(&watcher.text, args.output.output.as_deref())?;
    Ok(Outcome::Holds)
}

struct Watcher<'a> {
    args: &'a PlanArgs,
    chip: &'a Chip,
    text: String,
}

impl Observer for Watcher<'_> {
    fn after(&mut self, pass: &'static str, plan: &Plan, took: Duration) -> bool {
        let is_last = self.args.stop_after.as_deref() == Some(pass);
        let is_printed = match self.args.print_after.as_deref() {
            Some("all") => true,
            Some(wanted) => wanted == pass,
            None => is_last,
        };
        if self.args.timings {
            let known = PASSES.iter().find(|known| known.name == pass);
            let description = known.map_or("", |known| known.description);
            let micros = took.as_secs_f64() * 1e6;
            let _ = writeln!(self.text, "{pass:<26} {micros:>9.1} us  {description}");
        }
        if is_printed {
            let _ = writeln!(self.text, "after {pass}");
            self.text.push_str(&dump::dump(plan, self.chip));
        }
        !is_last
    }
}
