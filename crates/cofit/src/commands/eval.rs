//! `cofit eval`: the score of a model on user data.

use cofit_exec::{Options, Rounding};
use cofit_quantise::chip_rules::execution_options;
use cofit_report::eval::{Eval, Judged};
use cofit_report::score::{Change, DataUsed};
use cofit_vocab::diagnostic::data as rules;

use super::emit;
use crate::args::EvalArgs;
use crate::data::Dataset;
use crate::failure::{Failure, SHOWN, render};
use crate::scoring::{self, Judge};
use crate::{Outcome, load, output};

/// Runs the command.
pub fn run(args: &EvalArgs) -> Result<Outcome, Failure> {
    let model = load::model(&args.model.model, &args.model.reading)?;
    let other = match &args.against {
        Some(path) => Some(load::model(path, &args.model.reading)?),
        None => None,
    };
    let data = Dataset::open(&args.data, &model)?;
    let judge = Judge::new(&data, &model, args.metric)?;
    if judge.is_none() && other.is_none() {
        let message = "there are no labels";
        return Err(Failure::new(&rules::LABELS_MISSING, message, data.place()));
    }
    let chip = args.chip.as_ref().map(|chip| load::chip(chip, &args.tuning)).transpose()?;
    let options = match &chip {
        Some(chip) => {
            let (options, notes) = execution_options(chip);
            output::complain(&render(&notes, &[], SHOWN));
            options
        }
        None => Options::default(),
    };
    let outputs = scoring::outputs(&model, &data, &options, "evaluating")?;
    let score = |outputs: &[Vec<f32>]| judge.as_ref().map(|judge| judge.score(outputs)).transpose();
    let subject = Judged { model: model.model(), score: score(&outputs)? };
    let against: Option<(Judged<'_>, Change)> = match &other {
        Some(other) => {
            // The samples are the same; only what the inputs are called may differ.
            let others = scoring::outputs(other, &data, &options, "evaluating")?;
            let change = match &judge {
                Some(judge) => judge.change(&others, &outputs),
                None => scoring::change(&others, &outputs, None),
            };
            Some((Judged { model: other.model(), score: score(&others)? }, change))
        }
        None => None,
    };
    let eval = Eval {
        subject,
        data: DataUsed { name: data.name().to_owned(), samples: data.len() },
        metric: judge.as_ref().map(|judge| judge.metric),
        classes: judge.as_ref().map_or_else(Vec::new, |judge| judge.by_class(&outputs)),
        against,
        rounding: match options.rounding {
            Rounding::Double => "double",
            Rounding::Single => "single",
        },
        chip: chip.as_ref(),
    };
    emit(
        &args.output,
        || eval.text(output::rendering(&args.output)),
        || eval.json_value(),
        || eval.csv(),
        || eval.markdown(),
    )?;
    Ok(Outcome::Holds)
}
