//! Every operator's shape rule and MAC count, as data.
//!
//! `tests/operators/KIND.txt` is model text. Behind each operator stands what its rules make of
//! it: element type and shape of each result, `?` for a part that they leave to the file, and the
//! MACs; or `error:` with the reason for a refusal. Operators without a comment only support
//! others. `UPDATE=1` rewrites the comments; check the difference against the operator's
//! definition before keeping it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use cofit_ir::text::parse;
use cofit_ir::verify::verify;
use cofit_ir::{Graph, Model, Op, OperatorId, OutputFact};
use cofit_vocab::{OperatorKind, units};

/// What the rules make of an operator, as the files state it.
fn outcome(graph: &Graph, id: OperatorId) -> String {
    let facts = match graph.operators[id].op.infer(&graph.operands(id)) {
        Ok(facts) => facts,
        Err(error) => return format!("error: {error}"),
    };
    let fact = |OutputFact { element, shape }: &OutputFact| {
        let element = element.map_or("?".to_owned(), |element| element.to_string());
        shape.as_ref().map_or(element.clone(), |shape| format!("{element}{shape}"))
    };
    let facts: Vec<String> = facts.iter().map(fact).collect();
    let facts = if facts.is_empty() { "nothing".to_owned() } else { facts.join(" ") };
    format!("{facts}, {} MACs", units::grouped(graph.macs(id).get()))
}

/// The file with the comments that the rules would write.
fn rewritten(text: &str, model: &Model) -> String {
    let mut operators =
        model.graphs.values().flat_map(|graph| graph.operators.keys().map(move |id| (graph, id)));
    let mut result = String::new();
    for line in text.lines() {
        let statement = line.trim_start();
        let is_operator = !["model", "graph", "input", "output", "tensor", "}", "#"]
            .iter()
            .any(|other| statement.starts_with(other));
        let operator = is_operator.then(|| operators.next().expect("an operator a line"));
        match (operator, line.split_once("  # ")) {
            (Some((graph, id)), Some((code, _))) => {
                writeln!(result, "{code}  # {}", outcome(graph, id)).expect("strings take all");
            }
            (Some(_) | None, _) => writeln!(result, "{line}").expect("strings take all"),
        }
    }
    assert!(operators.next().is_none(), "an operator is spread over lines");
    result
}

fn check(path: &Path) {
    let name = path.display();
    let text = std::fs::read_to_string(path).expect("a readable file");
    let model = parse(&text, None).unwrap_or_else(|found| panic!("{name}: {found:#?}"));
    let kind = path.file_stem().and_then(|stem| stem.to_str());
    let main = model.main().and_then(|graph| graph.operators.values().next());
    assert_eq!(main.map(|operator| operator.kind().name()), kind, "{name} tests another kind");

    let rewritten = rewritten(&text, &model);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &rewritten).expect("a writable file");
    } else {
        for (number, (expected, found)) in text.lines().zip(rewritten.lines()).enumerate() {
            assert_eq!(expected, found, "{name}:{}", number + 1);
        }
    }

    // Refusals are the only thing wrong with these models.
    let refused = rewritten.lines().filter(|line| line.contains("  # error: ")).count();
    let found = verify(&model);
    let breaches = found.iter().filter(|message| message.code.id == "CF-MOD-008").count();
    assert_eq!((found.len(), breaches), (refused, refused), "{name}: {found:#?}");
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/operators")
}

#[test]
fn operators_follow_their_definitions() {
    for kind in OperatorKind::ALL {
        check(&directory().join(format!("{kind}.txt")));
    }
}

#[test]
fn every_file_is_an_operators() {
    for entry in std::fs::read_dir(directory()).expect("a directory") {
        let path = entry.expect("an entry").path();
        let kind = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        assert!(kind.parse::<OperatorKind>().is_ok(), "{} tests no operator", path.display());
    }
}

#[test]
fn every_kind_says_what_it_does() {
    for &kind in OperatorKind::ALL {
        let summary = kind.summary();
        assert!(summary.ends_with('.') && summary == summary.trim(), "{kind}: {summary:?}");
        for &(name, _) in Op::attribute_types(kind) {
            assert!(name != "intermediates", "{kind} has an attribute that the text form takes");
        }
    }
}
