//! `cofit sim`: cycles, bytes and energy, layer by layer.

use cofit_explore::Budget;
use cofit_report::{folded, json, model_explorer, sim, trace};

use super::{Evaluated, report};
use crate::args::{SimArgs, SimFormat};
use crate::failure::Failure;
use crate::{Outcome, output};

/// Runs the command. A model that does not fit is simulated all the same.
pub fn run(args: &SimArgs) -> Result<Outcome, Failure> {
    let evaluated = Evaluated::new(&args.model, &args.target, &Budget::default())?;
    let subject = evaluated.subject();
    let path = args.output.as_deref();
    let rendered = match args.format {
        SimFormat::Text => sim::text(&subject, output::rendering_for(path)),
        SimFormat::Json => json::text(&sim::json_value(&subject)),
        SimFormat::Csv => sim::csv(&subject),
        SimFormat::Md => sim::markdown(&subject),
        SimFormat::Html => report::page(&subject),
        SimFormat::Trace => trace::text(&subject),
        SimFormat::Folded => folded::text(&subject),
        SimFormat::ModelExplorer => {
            json::text(&model_explorer::json_value(&subject, args.metric.0))
        }
    };
    output::write(&rendered, path)?;
    Ok(Outcome::Holds)
}
