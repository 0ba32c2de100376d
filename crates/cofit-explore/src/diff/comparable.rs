//! Whether two results may be compared, and with which reservations.
//!
//! Every rule has a code. An error blocks the comparison, a warning weakens it, a note stands beside it.

use cofit_vocab::diagnostic::comparison as code;
use cofit_vocab::{Code, Diagnostic, Place};

use super::document::ResultDocument;

/// What keeps A and B from being compared, weakens it, or is worth knowing, gravest first.
pub fn issues(a: &ResultDocument, b: &ResultDocument) -> Vec<Diagnostic> {
    if a.schema != b.schema || !a.is_understood() {
        let message =
            format!("A follows {}, B {}; this cofit reads {}", a.schema, b.schema, super::CONTRACT);
        return vec![Diagnostic::error(&code::OTHER_CONTRACT, message, Place::key("schema"))];
    }
    let mut issues = blocking(a, b);
    issues.extend(partial(a, b));
    issues.extend(informative(a, b));
    issues
}

/// Whether the chips are the same part; cards and clocks may differ.
fn is_same_chip(a: &ResultDocument, b: &ResultDocument) -> bool {
    a.chip.id == b.chip.id
}

fn has_same_shapes(a: &ResultDocument, b: &ResultDocument) -> bool {
    a.model.inputs == b.model.inputs && a.model.outputs == b.model.outputs
}

fn blocking(a: &ResultDocument, b: &ResultDocument) -> Vec<Diagnostic> {
    let mut issues = Vec::new();
    let mut add = |code: &'static Code, message: String, key: &str| {
        issues.push(Diagnostic::error(code, message, Place::key(key)));
    };
    if a.is_structural != b.is_structural {
        let (structural, timed) = if a.is_structural { ("A", "B") } else { ("B", "A") };
        let message =
            format!("{structural} is a structural model without a time, and {timed} has one");
        add(&code::STRUCTURAL_AGAINST_TIMED, message, "totals.latency");
    }
    if let (Some(of_a), Some(of_b)) = (a.fits, b.fits)
        && of_a != of_b
    {
        let (whole, failed) = if of_a { ("A", "B") } else { ("B", "A") };
        let message = format!("{failed} does not fit its chip, and {whole} does");
        add(&code::FAILED_AGAINST_WHOLE, message, "verdict");
    }
    if !is_same_chip(a, b) && !has_same_shapes(a, b) {
        let message = format!(
            "A takes {} on {}, B takes {} on {}",
            shapes(a),
            a.chip.id,
            shapes(b),
            b.chip.id
        );
        add(&code::OTHER_TASK, message, "model.inputs");
    }
    for (side, document) in [("A", a), ("B", b)] {
        if let cofit_vocab::Quantity::Unavailable(reason) = &document.totals.cycles {
            add(
                &code::NO_TOTALS,
                format!("the cycles of {side} are unavailable: {reason}"),
                "totals.cycles",
            );
        }
    }
    issues
}

/// Shapes of inputs and outputs, as `1x28x28x1 to 1x10`.
fn shapes(document: &ResultDocument) -> String {
    let shape = |axes: &Vec<u64>| axes.iter().map(u64::to_string).collect::<Vec<_>>().join("x");
    let list = |shapes: &[Vec<u64>]| shapes.iter().map(shape).collect::<Vec<_>>().join(", ");
    format!("{} to {}", list(&document.model.inputs), list(&document.model.outputs))
}

fn partial(a: &ResultDocument, b: &ResultDocument) -> Vec<Diagnostic> {
    let mut issues = Vec::new();
    let mut add = |code: &'static Code, message: String, key: &str| {
        issues.push(Diagnostic::warning(code, message, Place::key(key)));
    };
    let (one, other) = (&a.chip, &b.chip);
    if one.runtime != other.runtime {
        let message = format!("A runs {}, B {}", one.runtime, other.runtime);
        add(&code::OTHER_RUNTIME, message, "chip.runtime");
    }
    if is_same_chip(a, b) && one.card_sha256 != other.card_sha256 {
        let short = |hash: &str| hash.chars().take(8).collect::<String>();
        let (of_a, of_b) = (short(&one.card_sha256), short(&other.card_sha256));
        let message = format!("the card of {} is {of_a} for A and {of_b} for B", one.id);
        add(&code::OTHER_CARD, message, "chip.card_sha256");
    }
    if a.tool != b.tool {
        add(&code::OTHER_TOOL, format!("A is of {}, B of {}", a.tool, b.tool), "tool.version");
    }
    let is_known = !a.precisions.is_empty() && !b.precisions.is_empty();
    if is_known && a.precisions != b.precisions {
        let (of_a, of_b) = (a.precisions.join(" "), b.precisions.join(" "));
        add(
            &code::OTHER_PRECISION,
            format!("A computes in {of_a}, B in {of_b}"),
            "layers.precision",
        );
    }
    if one.threads != other.threads {
        let message = format!("A runs on {} threads, B on {}", one.threads, other.threads);
        add(&code::OTHER_THREADS, message, "chip.threads");
    }
    let sides = |of_a: bool| if of_a { ("A", "B") } else { ("B", "A") };
    let has_energy = |document: &ResultDocument| document.totals.energy.figure().is_some();
    if has_energy(a) != has_energy(b) {
        let (known, unknown) = sides(has_energy(a));
        let message = format!("the energy of {known} is known, and that of {unknown} is not");
        add(&code::ONE_SIDED, message, "totals.energy");
    }
    if a.layers.is_some() != b.layers.is_some() {
        let (listed, bare) = sides(a.layers.is_some());
        let message = format!("{listed} lists its layers, and {bare} does not");
        add(&code::ONE_SIDED, message, "layers");
    }
    let is_same_model = (&a.model.name, &a.model.sha256) == (&b.model.name, &b.model.sha256);
    if !is_same_chip(a, b) && !is_same_model {
        let message =
            format!("A is {} on {}, B is {} on {}", a.model.name, one.id, b.model.name, other.id);
        add(&code::MODEL_AND_CHIP, message, "model.sha256");
    }
    let is_same_machine = is_same_chip(a, b) && one.runtime == other.runtime;
    if a.is_structural && b.is_structural && !is_same_machine {
        let message = format!("neither {} nor {} has a time", one.id, other.id);
        add(&code::UNCALIBRATED, message, "totals.cycles");
    }
    if is_same_chip(a, b) && !has_same_shapes(a, b) {
        let message = format!("A takes {}, B takes {}", shapes(a), shapes(b));
        add(&code::OTHER_SHAPES, message, "model.inputs");
    }
    issues
}

fn informative(a: &ResultDocument, b: &ResultDocument) -> Vec<Diagnostic> {
    let mut issues = Vec::new();
    let mut add = |code: &'static Code, message: String, key: &str| {
        issues.push(Diagnostic::note(code, message, Place::key(key)));
    };
    let point = |document: &ResultDocument| {
        let chip = &document.chip;
        let clock = chip
            .clock_hz
            .map_or_else(String::new, |hertz| format!(" at {}", cofit_vocab::Hertz(hertz)));
        format!("{}{clock}", chip.operating_point)
    };
    let (of_a, of_b) = (point(a), point(b));
    if is_same_chip(a, b) && of_a != of_b {
        add(
            &code::OTHER_OPERATING_POINT,
            format!("A runs {of_a}, B {of_b}"),
            "chip.operating_point",
        );
    }
    // Cards of different chips assume different things by nature; one sentence says so.
    let missing = |from: &ResultDocument, other: &ResultDocument| {
        let known: std::collections::BTreeSet<_> = other.assumptions.iter().collect();
        let mut only = from.assumptions.iter().filter(|one| !known.contains(one));
        let first = only.next().map(|(key, value)| format!("{key} = {value}"));
        first.map(|first| match only.count() {
            0 => first,
            more => format!("{first} and {more} more"),
        })
    };
    let (of_a, of_b) = (missing(a, b), missing(b, a));
    if of_a.is_some() || of_b.is_some() {
        let words = |found: Option<String>| found.unwrap_or_else(|| "nothing".to_owned());
        let message = format!("only A assumes {}; only B assumes {}", words(of_a), words(of_b));
        add(&code::OTHER_ASSUMPTIONS, message, "assumptions");
    }
    if a.model.description != b.model.description {
        let words = |text: &str| -> String {
            let text: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
            if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") }
        };
        let (of_a, of_b) = (words(&a.model.description), words(&b.model.description));
        add(&code::OTHER_DESCRIPTION, format!("A says {of_a}, B says {of_b}"), "model.description");
    }
    issues
}
