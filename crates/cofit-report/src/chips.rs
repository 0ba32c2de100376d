//! The catalogue, and one card.

use std::fmt::Write as _;

use cofit_chip::{Chip, Memory};
use serde_json::{Value, json};

use crate::table::{ColumnKind, Table};
use crate::{Rendering, json, words};

/// The catalogue with the runtimes of a chip as `runtimes` writes them.
fn table(chips: &[Chip], runtimes: fn(&Chip) -> String) -> Table {
    let mut table = Table::new(&[
        ("CHIP", ColumnKind::Word),
        ("MATURITY", ColumnKind::Word),
        ("TIMING", ColumnKind::Word),
        ("RUNTIMES", ColumnKind::Name),
        ("NAME", ColumnKind::Name),
    ]);
    for chip in chips {
        table.row(vec![
            chip.id().to_owned(),
            format!("{:?}", chip.target.maturity).to_lowercase(),
            chip.engines.first().map_or("-", |engine| engine.timing.model()).to_owned(),
            runtimes(chip),
            chip.name().to_owned(),
        ]);
    }
    table
}

/// Every runtime, for those who process the list.
fn all_runtimes(chip: &Chip) -> String {
    chip.runtimes.join(" ")
}

/// The default runtime and how many others there are: a line has no room for a dozen.
fn default_runtime(chip: &Chip) -> String {
    match chip.runtimes.split_first() {
        None => chip.runtime.id.clone(),
        Some((first, [])) => first.clone(),
        Some((first, others)) => format!("{first} +{}", others.len()),
    }
}

/// The catalogue, one line a card.
pub fn list_text(chips: &[Chip], rendering: Rendering) -> String {
    table(chips, default_runtime).text(rendering.width)
}

/// The catalogue as CSV.
pub fn list_csv(chips: &[Chip]) -> String {
    table(chips, all_runtimes).csv()
}

/// The catalogue in Markdown.
pub fn list_markdown(chips: &[Chip]) -> String {
    table(chips, all_runtimes).markdown()
}

/// The catalogue as JSON.
pub fn list_json(chips: &[Chip]) -> Value {
    let cards: Vec<Value> = chips.iter().map(json::chip).collect();
    json!({ "schema": json::SCHEMA, "tool": json::tool(), "chips": cards })
}

/// One card as JSON: every figure with its provenance.
pub fn show_json(chip: &Chip) -> Value {
    json!({ "schema": json::SCHEMA, "tool": json::tool(), "chip": chip })
}

/// One card for a reader.
pub fn show_text(chip: &Chip, rendering: Rendering) -> String {
    let mut text = format!("{}  {}\n", chip.id(), chip.name());
    if let Some(summary) = &chip.target.summary {
        let _ = writeln!(text, "{summary}");
    }
    let _ = writeln!(
        text,
        "runtimes {}   operating points {}   card {}\n",
        chip.runtimes.join(", "),
        chip.operating_points.join(", "),
        words::short_hash(&chip.sha256)
    );
    text.push_str(&memories(&chip.memories).text(rendering.width));
    for engine in &chip.engines {
        let pairs: Vec<String> = engine
            .precision
            .iter()
            .map(|pair| {
                let mode = format!("{:?}", pair.mode).to_lowercase();
                match pair.kind {
                    cofit_chip::NumberKind::Integer => {
                        format!("w{}a{} {mode}", pair.weight_bits, pair.activation_bits)
                    }
                    cofit_chip::NumberKind::Float => format!("f{} {mode}", pair.activation_bits),
                }
            })
            .collect();
        let _ = writeln!(
            text,
            "\nengine {}  {} model  {} MACs per cycle at most",
            engine.id,
            engine.timing.model(),
            engine.peak_macs_per_cycle.value
        );
        let _ = writeln!(text, "  precision  {}", pairs.join(", "));
        let names: Vec<&str> =
            engine.operators.kinds().into_iter().map(cofit_vocab::OperatorKind::name).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(" ") };
        let _ = writeln!(text, "  operators  {names}");
    }
    if !chip.fusions.is_empty() {
        text.push_str("\nfusion, in this order\n");
        for fusion in &chip.fusions {
            let pattern: Vec<String> = fusion.pattern.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "  {}: {}", fusion.id, pattern.join(" + "));
        }
    }
    if !chip.sources.is_empty() {
        text.push_str("\nsources\n");
        for (key, source) in &chip.sources {
            let _ = writeln!(text, "  {key}: {}", source.citation());
        }
    }
    if !chip.assumptions.is_empty() {
        text.push_str("\nassumed\n");
        for assumption in &chip.assumptions {
            let _ =
                writeln!(text, "  {} = {}: {}", assumption.key, assumption.value, assumption.why);
        }
    }
    text
}

fn memories(memories: &[Memory]) -> Table {
    let mut table = Table::new(&[
        ("MEMORY", ColumnKind::Word),
        ("TIER", ColumnKind::Word),
        ("SIZE", ColumnKind::Number),
        ("RESERVED", ColumnKind::Number),
        ("HOLDS", ColumnKind::Name),
        ("SOURCE", ColumnKind::Name),
    ]);
    for memory in memories {
        let holds: Vec<String> =
            memory.contents().iter().map(|content| format!("{content:?}").to_lowercase()).collect();
        let provenance = &memory.size.provenance;
        let source = match (&provenance.source, &provenance.assumed) {
            (_, Some(_)) => "assumed".to_owned(),
            (Some(source), None) => source.clone(),
            (None, None) => "-".to_owned(),
        };
        table.row(vec![
            memory.id.clone(),
            format!("{:?}", memory.tier).to_lowercase(),
            memory.size.value.human(),
            memory.reserve.total(0).human(),
            holds.join(" "),
            source,
        ]);
    }
    table
}
