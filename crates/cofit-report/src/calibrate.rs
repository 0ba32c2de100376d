//! What a fit to measured rows made of a card: each row before and after.

use cofit_calibrate::leave_out::Prediction;
use cofit_calibrate::validation::Score;
use cofit_chip::Chip;
use serde_json::{Map, Value, json};

use crate::table::{ColumnKind, Table};
use crate::{Rendering, json, words};

/// A fit.
pub struct Calibration<'a> {
    /// The chip before.
    pub chip: &'a Chip,
    /// Each row with what the fit makes of it.
    pub rows: Vec<Score>,
    /// Cycles of each row with the card as it was.
    pub before: Vec<f64>,
    /// Each row as predicted by the rows of other networks.
    pub left_out: &'a [Prediction],
    /// Rows that took no part: why, and how many.
    pub others: Vec<(&'static str, usize)>,
}

impl Calibration<'_> {
    fn table(&self) -> Table {
        let mut table = Table::new(&[
            ("ROW", ColumnKind::Name),
            ("MEASURED", ColumnKind::Number),
            ("BEFORE", ColumnKind::Number),
            ("FITTED", ColumnKind::Number),
            ("LEFT OUT", ColumnKind::Number),
        ]);
        for (at, row) in self.rows.iter().enumerate() {
            let before = self.before.get(at).map(|before| percent(before / row.measured - 1.0));
            let left_out = self.left_out.iter().find(|prediction| prediction.row == at);
            table.row(vec![
                row.model.clone(),
                format!("{:.0}", row.measured),
                before.unwrap_or_default(),
                percent(row.error()),
                left_out.map(|prediction| percent(prediction.relative())).unwrap_or_default(),
            ]);
        }
        table
    }

    fn sentence(&self) -> String {
        let others: Vec<String> =
            self.others.iter().map(|(reason, count)| format!("{count} with {reason}")).collect();
        let rest = if others.is_empty() {
            String::new()
        } else {
            format!(" Rows that took no part: {}.", others.join(", "))
        };
        format!(
            "Costs of {} on {} fitted to {} rows, in cycles. Errors are of the card as it was, of the \
             fit, and of a fit to the rows of the other networks only.{rest}",
            self.chip.runtime.id,
            self.chip.target.id,
            self.rows.len()
        )
    }
}

fn percent(share: f64) -> String {
    format!("{:+.1}%", share * 100.0)
}

/// For a terminal.
pub fn text(calibration: &Calibration<'_>, rendering: Rendering) -> String {
    let sentence = words::wrapped(&calibration.sentence(), rendering.width.min(100), 0);
    format!("{sentence}\n{}", calibration.table().text(rendering.width))
}

/// One line a row.
pub fn csv(calibration: &Calibration<'_>) -> String {
    calibration.table().csv()
}

/// Markdown.
pub fn markdown(calibration: &Calibration<'_>) -> String {
    format!("{}\n\n{}", calibration.sentence(), calibration.table().markdown())
}

/// The machine contract.
pub fn json_value(calibration: &Calibration<'_>) -> Value {
    let mut root = Map::new();
    root.insert("schema".to_owned(), json!("cofit/1"));
    root.insert("tool".to_owned(), json::tool());
    root.insert("chip".to_owned(), json::chip(calibration.chip));
    let rows: Vec<Value> = calibration
        .rows
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let left_out = calibration.left_out.iter().find(|prediction| prediction.row == at);
            json!({
                "model": row.model,
                "measured_cycles": row.measured.round(),
                "card_cycles": calibration.before.get(at).map(|cycles| cycles.round()),
                "fitted_cycles": row.predicted.round(),
                "low": row.interval.0.round(),
                "high": row.interval.1.round(),
                "error": row.error(),
                "left_out_error": left_out.map(Prediction::relative),
            })
        })
        .collect();
    root.insert("rows".to_owned(), Value::Array(rows));
    let others: Map<String, Value> =
        calibration.others.iter().map(|(why, count)| ((*why).to_owned(), json!(count))).collect();
    root.insert("others".to_owned(), Value::Object(others));
    Value::Object(root)
}
