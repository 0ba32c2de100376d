//! Every layer with its costs: one table to sort and to filter.

use cofit_vocab::units;

use super::figure;
use super::rows::Row;
use super::table;
use crate::markup::{escaped, put};

/// Layers listed at most; of more, those that take the most cycles.
const LISTED: usize = 1200;

/// Layers whose rows have a bar by cause; with more, the page would grow beyond its purpose.
const BARRED: usize = 600;

/// The table.
pub(super) fn html(rows: &[Row]) -> String {
    let mut listed: Vec<&Row> = rows.iter().collect();
    let left_out = rows.len().saturating_sub(LISTED);
    if left_out > 0 {
        listed.sort_by_key(|row| (std::cmp::Reverse(row.cycles), row.id));
        listed.truncate(LISTED);
        listed.sort_by_key(|row| row.id);
    }
    let most = rows.iter().map(|row| row.cycles).max().map_or(1.0, |most| most.as_f64().max(1.0));
    let has_bars = listed.len() <= BARRED;
    let mut body = String::new();
    for row in &listed {
        let bar = if has_bars { bar(row, most) } else { String::new() };
        put(
            &mut body,
            format_args!(
                "<tr data-s=\"{0}\"><td>{0}</td><th scope=\"row\" title=\"{1}\">{2}</th><td>{3}</td>\
                 <td>{4}</td><td>{5}</td><td>{6}</td><td>{7}</td><td>{8:.1}</td><td>{bar}</td>\
                 <td>{9}</td><td>{10}</td><td>{11}</td></tr>",
                row.number(),
                escaped(&row.name, 160),
                escaped(&row.label, 40),
                escaped(&row.operators, 60),
                escaped(&row.engine, 24),
                row.shape,
                units::grouped(row.macs),
                units::grouped(row.cycles.get()),
                row.share * 100.0,
                row.bound().map_or("-", figure::cause_words),
                units::grouped(row.moved.get()),
                units::grouped(row.live.get()),
            ),
        );
    }
    let columns = [
        ("step", true),
        ("layer", false),
        ("operators", false),
        ("engine", false),
        ("output", false),
        ("MACs", true),
        ("cycles", true),
        ("%", true),
        ("by cause", false),
        ("bound by", false),
        ("bytes moved", true),
        ("bytes live", true),
    ];
    let mut html = table::table("layers", &columns, &body, "layers sort filter");
    if left_out > 0 {
        put(
            &mut html,
            format_args!(
                "<p class=\"note\">The {LISTED} layers that take the most cycles; {left_out} more \
                 are in the CSV of `sim`.</p>"
            ),
        );
    }
    html
}

/// The layer's cycles by cause, against those of the largest layer.
fn bar(row: &Row, most: f64) -> String {
    let parts: Vec<(&str, f64)> = row
        .causes
        .iter()
        .filter(|(_, cycles)| !cycles.is_zero())
        .map(|(cause, cycles)| (figure::cause_class(cause), cycles.as_f64() / most))
        .collect();
    table::parts(&parts)
}
