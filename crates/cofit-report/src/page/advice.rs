//! Changes that would help, each with what a second simulation made of it.

use super::table;
use crate::markup::{escaped, put};

/// A change with its deltas. Texts are shown as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdviceRow {
    /// What to change, in one sentence.
    pub change: String,
    /// Where, as the model or card names it.
    pub place: String,
    /// Each figure that moves, with its delta: `("cycles", "-31 %")`.
    pub deltas: Vec<(String, String)>,
    /// What becomes of the results: bit-exact, accuracy not modelled, or a measured accuracy.
    pub accuracy: String,
    /// The command that makes the change.
    pub command: String,
}

/// The table, or nothing where there is no advice.
pub(super) fn html(advice: &[AdviceRow]) -> String {
    if advice.is_empty() {
        return String::new();
    }
    let mut rows = String::new();
    for row in advice {
        let deltas: Vec<String> =
            row.deltas.iter().map(|(figure, delta)| format!("{figure} {delta}")).collect();
        put(
            &mut rows,
            format_args!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td>\
                 </tr>",
                escaped(&row.change, 300),
                escaped(&row.place, 120),
                escaped(&deltas.join(", "), 300),
                escaped(&row.accuracy, 200),
                escaped(&row.command, 300)
            ),
        );
    }
    let columns = [
        ("change", false),
        ("where", false),
        ("deltas, simulated again", false),
        ("results", false),
        ("command", false),
    ];
    table::table("advice", &columns, &rows, "advice")
}
