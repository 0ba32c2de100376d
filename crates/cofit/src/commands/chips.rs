//! `cofit chips`: the catalogue, and cards of one's own.

use cofit_chip::{Chip, catalogue, json_schema, new_card_template};
use cofit_report::lint::Remarks;
use cofit_report::{chips, lint};
use cofit_vocab::{Diagnostics, Severity};

use super::emit;
use crate::args::{ChipsCommand, OutputArgs, TuningArgs};
use crate::failure::{Failure, SourceText, render};
use crate::{Outcome, load, output};

/// Runs the command.
pub fn run(command: &ChipsCommand) -> Result<Outcome, Failure> {
    match command {
        ChipsCommand::List { output } => {
            let tuning = TuningArgs::default();
            let cards: Vec<Chip> =
                catalogue().map(|entry| load::chip(entry.id, &tuning)).collect::<Result<_, _>>()?;
            emit(
                output,
                || chips::list_text(&cards, output::rendering(output)),
                || chips::list_json(&cards),
                || chips::list_csv(&cards),
                || chips::list_markdown(&cards),
            )?;
        }
        ChipsCommand::Show { chip, output } => {
            let chip = load::chip(chip, &TuningArgs::default())?;
            let text = || chips::show_text(&chip, output::rendering(output));
            let list = std::slice::from_ref(&chip);
            emit(
                output,
                text,
                || chips::show_json(&chip),
                || chips::list_csv(list),
                || chips::list_markdown(list),
            )?;
        }
        ChipsCommand::Lint { chips, output } => return lint(chips, output),
        ChipsCommand::New { id, output } => {
            output::write(&new_card_template(id), output.as_deref())?;
        }
        ChipsCommand::Schema => {
            output::write(&json_schema(), None)?;
        }
    }
    Ok(Outcome::Holds)
}

/// Everything that is wrong or unsourced in each card. A card with errors ends the command with
/// its messages, after those of the others were written.
fn lint(chips: &[String], output: &OutputArgs) -> Result<Outcome, Failure> {
    let mut cards = Vec::new();
    let mut text = String::new();
    let mut failure = None;
    for chip in chips {
        let card = load::card(chip)?;
        let found = card.lint();
        let sources: Vec<SourceText> = card
            .sources()
            .files()
            .iter()
            .map(|file| SourceText { name: file.name.clone(), text: file.text.to_string() })
            .collect();
        if found.has_errors() {
            failure.get_or_insert(Failure::with_sources(found.clone(), sources));
        } else {
            // A list of what is left to do is read to its end.
            text.push_str(&render(&found, &sources, usize::MAX));
            let warnings = count(&found, Severity::Warning);
            let notes = count(&found, Severity::Note);
            text.push_str(&format!("{chip}: no errors, {warnings} warnings, {notes} notes\n"));
        }
        cards.push(Remarks { card: chip.clone(), found });
    }
    emit(
        output,
        || text,
        || lint::json_value(&cards),
        || lint::csv(&cards),
        || lint::markdown(&cards),
    )?;
    failure.map_or(Ok(Outcome::Holds), Err)
}

fn count(found: &Diagnostics, severity: Severity) -> usize {
    found.iter().filter(|one| one.severity == severity).count()
}
