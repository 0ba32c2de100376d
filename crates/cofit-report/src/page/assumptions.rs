//! What the result rests on that nobody stated.

use super::table;
use crate::Subject;
use crate::markup::{escaped, put};

/// The table, or a sentence where nothing was assumed.
pub(super) fn html(subject: &Subject<'_>) -> String {
    let mut rows = String::new();
    for assumption in subject.assumptions() {
        put(
            &mut rows,
            format_args!(
                "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{}</td></tr>",
                escaped(&assumption.key, 120),
                escaped(&assumption.value, 120),
                escaped(&assumption.why, 600)
            ),
        );
    }
    if rows.is_empty() {
        return "<p>Every value that this result rests on has a source.</p>".to_owned();
    }
    let columns = [("figure of the card", false), ("assumed", false), ("why", false)];
    table::table("assumptions; `--set KEY=VALUE` replaces one", &columns, &rows, "assumptions")
}
