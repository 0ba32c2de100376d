//! `docs/sketch.md` against the code: every word of the form is explained, with its keys and
//! limits, and the examples expand.

use std::path::Path;

use cofit_import::sketch::keys::{
    ACTIVATIONS, BLOCK_KEYS, LayerKey, LayerKind, PARAMETER_KEYS, PRECISION_KEYS, REPETITION,
    RESERVED_RESULTS, SHORTCUTS, TOP_KEYS,
};
use cofit_import::sketch::{SketchOptions, Weights, expand, limits};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sketch.md");
    std::fs::read_to_string(path).expect("the page")
}

/// The cells of the table row that explains `word`.
#[track_caller]
fn row<'p>(page: &'p str, word: &str) -> Vec<&'p str> {
    let start = format!("| `{word}` |");
    let row = page.lines().find(|line| line.starts_with(&start));
    let row = row.unwrap_or_else(|| panic!("docs/sketch.md has no row for `{word}`"));
    row.trim_matches('|').split('|').map(str::trim).collect()
}

#[test]
fn every_key_has_a_row() {
    let page = page();
    let layer_keys = LayerKey::ALL.iter().map(|key| key.name());
    for word in
        layer_keys.chain(TOP_KEYS.iter().chain(PARAMETER_KEYS).chain(PRECISION_KEYS).copied())
    {
        row(&page, word);
    }
}

#[test]
fn every_kind_has_a_row_with_its_keys() {
    let page = page();
    for kind in LayerKind::ALL {
        let keys: Vec<String> = kind.keys().iter().map(|key| format!("`{}`", key.name())).collect();
        assert_eq!(row(&page, kind.name())[2], keys.join(" "), "keys of `{}`", kind.name());
    }
}

#[test]
fn every_other_word_occurs() {
    let page = page();
    let defaults = row(&page, "defaults")[2];
    for key in LayerKey::DEFAULTS {
        assert!(defaults.contains(&format!("`{}`", key.name())), "default `{}`", key.name());
    }
    let lists = [ACTIVATIONS, SHORTCUTS, RESERVED_RESULTS, BLOCK_KEYS, &[REPETITION]];
    for word in lists.concat() {
        assert!(
            page.contains(&format!("`{word}`")) || page.contains(&format!(".{word}]")),
            "docs/sketch.md does not mention `{word}`"
        );
    }
    for function in ["min", "max", "floor", "ceil", "round", "round8", "divisible"] {
        assert!(page.contains(&format!("| `{function}(")), "function `{function}`");
    }
}

#[test]
fn limits_are_the_stated_ones() {
    let text = page().replace(['\n', ','], " ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let grouped = |number: u64| {
        let digits = number.to_string();
        let head = digits.len() % 3;
        let mut groups: Vec<&str> = Vec::new();
        if head > 0 {
            groups.push(&digits[..head]);
        }
        groups.extend((head..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
        groups.join(" ")
    };
    for stated in [
        format!("{} MiB of text", limits::SOURCE_BYTES >> 20),
        format!("{} layers", grouped(limits::LAYERS as u64)),
        format!("{} operators", grouped(limits::OPERATORS as u64)),
        format!("{} parameters", limits::PARAMETERS),
        format!("{} blocks", limits::BLOCKS),
        format!("{} names", limits::NAMES),
        format!("a name at most {} bytes", limits::NAME_BYTES),
        format!("A length is at most {}", grouped(u64::from(limits::LENGTH))),
        format!("{} elements", grouped(limits::TENSOR_ELEMENTS)),
        format!("{} output channels", grouped(limits::CHANNELS)),
        format!("weights take at most {} MiB", limits::WEIGHT_BYTES >> 20),
    ] {
        assert!(text.contains(&stated), "docs/sketch.md does not say `{stated}`");
    }
    assert_eq!(limits::NESTING, 4, "docs/sketch.md says four");
}

#[test]
fn its_examples_expand() {
    let page = page();
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 3);
    for example in examples {
        let source = if example.starts_with("sketch") {
            example.to_owned()
        } else {
            format!("sketch = 1\ninput = [16, 16, 3]\n{example}")
        };
        let options = SketchOptions { parameters: Vec::new(), weights: Weights::Absent };
        if let Err(complaints) = expand(&source, "docs/sketch.md", &options) {
            let said: Vec<String> = complaints.iter().map(ToString::to_string).collect();
            panic!("{said:?}\n{source}");
        }
    }
}
