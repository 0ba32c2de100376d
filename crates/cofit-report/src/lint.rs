//! What is wrong or unsourced in cards.

use cofit_vocab::{Diagnostic, Diagnostics};
use serde_json::{Value, json};

use crate::json;
use crate::table::{ColumnKind, Table};

/// What was found in one card.
pub struct Remarks {
    /// The card as the user named it.
    pub card: String,
    /// The messages.
    pub found: Diagnostics,
}

fn rows(cards: &[Remarks]) -> impl Iterator<Item = (&str, &Diagnostic)> {
    cards.iter().flat_map(|card| card.found.iter().map(|found| (card.card.as_str(), found)))
}

fn table(cards: &[Remarks]) -> Table {
    let mut table = Table::new(&[
        ("CARD", ColumnKind::Word),
        ("SEVERITY", ColumnKind::Word),
        ("CODE", ColumnKind::Word),
        ("WHERE", ColumnKind::Name),
        ("MESSAGE", ColumnKind::Name),
    ]);
    for (card, found) in rows(cards) {
        table.row(vec![
            card.to_owned(),
            found.severity.name().to_owned(),
            found.code.id.to_owned(),
            found.place.to_string(),
            found.message.clone(),
        ]);
    }
    table
}

/// One row a message.
pub fn csv(cards: &[Remarks]) -> String {
    table(cards).csv()
}

/// One row a message, in Markdown.
pub fn markdown(cards: &[Remarks]) -> String {
    table(cards).markdown()
}

/// The messages as JSON, card by card.
pub fn json_value(cards: &[Remarks]) -> Value {
    let list: Vec<Value> = cards
        .iter()
        .map(|card| {
            let messages: Vec<Value> = card
                .found
                .iter()
                .map(|found| {
                    let mut value = json::diagnostic(found);
                    value["severity"] = json!(found.severity.name());
                    value
                })
                .collect();
            json!({ "card": card.card, "messages": messages })
        })
        .collect();
    json!({ "schema": json::SCHEMA, "tool": json::tool(), "cards": list })
}
