//! What message codes mean.

use std::fmt::Write as _;

use cofit_vocab::Code;
use serde_json::{Value, json};

use crate::json;
use crate::table::{ColumnKind, Table};

/// A code with the exit code that its breach leads to.
pub type Explained = (&'static Code, u8);

fn table(codes: &[Explained]) -> Table {
    let mut table = Table::new(&[
        ("CODE", ColumnKind::Word),
        ("TITLE", ColumnKind::Name),
        ("WHY", ColumnKind::Name),
        ("DO", ColumnKind::Name),
        ("EXIT", ColumnKind::Number),
    ]);
    for (code, exit) in codes {
        let texts = [code.id, code.title, code.why, code.cure].map(str::to_owned);
        table.row(texts.into_iter().chain([exit.to_string()]).collect());
    }
    table
}

/// One code in full, or a line for each of several.
pub fn text(codes: &[Explained]) -> String {
    let mut text = String::new();
    if let [(code, exit)] = codes {
        let _ = writeln!(text, "{}  {}\n", code.id, code.title);
        let _ = writeln!(text, "why  {}", code.why);
        let _ = writeln!(text, "do   {}", code.cure);
        let _ = writeln!(text, "exit {exit}");
        return text;
    }
    for (code, _) in codes {
        let _ = writeln!(text, "{}  {}", code.id, code.title);
    }
    text
}

/// One row a code.
pub fn csv(codes: &[Explained]) -> String {
    table(codes).csv()
}

/// One row a code, in Markdown.
pub fn markdown(codes: &[Explained]) -> String {
    table(codes).markdown()
}

/// The codes as JSON.
pub fn json_value(codes: &[Explained]) -> Value {
    let list: Vec<Value> = codes
        .iter()
        .map(|(code, exit)| {
            json!({
                "code": code.id,
                "title": code.title,
                "why": code.why,
                "do": code.cure,
                "exit": exit,
            })
        })
        .collect();
    json!({ "schema": json::SCHEMA, "tool": json::tool(), "codes": list })
}
