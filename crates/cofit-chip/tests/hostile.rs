//! Whatever stands in a card: no panic, no endless run, and messages that can be shown.

use cofit_chip::{Card, Selection};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Reads `text` with all of the crate, and shows what was found.
fn read(text: &str) {
    match Card::parse(text, "card.toml", &|_| None) {
        Ok(card) => {
            let shown = match card.resolve(&Selection::default()) {
                Ok(chip) => chip.id().to_owned(),
                Err(rejected) => {
                    assert!(rejected.diagnostics.has_errors(), "rejected without a reason");
                    rejected.render()
                }
            };
            let remarks = card.sources().render_all(&card.lint());
            assert!(shown.len() + remarks.len() < 1 << 24, "messages without end");
        }
        Err(rejected) => assert!(!rejected.render().is_empty()),
    }
}

/// One way to spoil a text.
#[derive(Clone, Debug)]
enum Spoil {
    Cut(usize),
    Remove(usize, usize),
    Insert(usize, &'static str),
    Repeat(usize, usize),
    Value(usize, &'static str),
}

const TOKENS: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    "\"",
    "'",
    "\"\"\"",
    ",",
    ".",
    "#",
    "\n",
    "\r\n",
    "\t",
    "-1",
    "0",
    "inf",
    "nan",
    "1e308",
    "9223372036854775807",
    "-9223372036854775808",
    "0x7f",
    "true",
    "1979-05-27",
    "id = \"sram\"",
    "unknown = true",
    "extends = \"k210\"",
    "overlay",
    "src = \"x\"",
    "\u{0}",
    "\u{feff}",
    "é",
    "😀",
];

const VALUES: &[&str] = &[
    "0",
    "-1",
    "1e300",
    "nan",
    "inf",
    "\"\"",
    "[]",
    "{}",
    "true",
    "9223372036854775807",
    "\"1e30 GiB\"",
    "\"0 B\"",
    "[0, 0]",
    "[5, 1]",
    "{ unknown = true }",
    "{ v = 0 }",
    "[[]]",
];

fn spoil() -> impl Strategy<Value = Spoil> {
    let at = 0usize..20_000;
    prop_oneof![
        1 => at.clone().prop_map(Spoil::Cut),
        3 => (at.clone(), 1usize..200).prop_map(|(at, length)| Spoil::Remove(at, length)),
        3 => (at.clone(), select(TOKENS)).prop_map(|(at, token)| Spoil::Insert(at, token)),
        1 => (at.clone(), 1usize..500).prop_map(|(at, length)| Spoil::Repeat(at, length)),
        6 => (at, select(VALUES)).prop_map(|(at, value)| Spoil::Value(at, value)),
    ]
}

fn boundary(text: &str, at: usize) -> usize {
    let mut at = at % (text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn apply(text: &mut String, spoil: &Spoil) {
    match *spoil {
        Spoil::Cut(at) => text.truncate(boundary(text, at)),
        Spoil::Remove(at, length) => {
            let start = boundary(text, at);
            let end = boundary(text, (start + length).min(text.len())).max(start);
            text.replace_range(start..end, "");
        }
        Spoil::Insert(at, token) => {
            let start = boundary(text, at);
            text.insert_str(start, token);
        }
        Spoil::Repeat(at, length) => {
            let start = boundary(text, at);
            let end = boundary(text, (start + length).min(text.len())).max(start);
            let part = text[start..end].to_owned();
            text.insert_str(end, &part);
        }
        // The value of the first assignment after the place: what a person gets wrong.
        Spoil::Value(at, value) => {
            let start = boundary(text, at);
            if let Some(equals) = text[start..].find("= ") {
                let from = start + equals + 2;
                let to = text[from..].find('\n').map_or(text.len(), |end| from + end);
                text.replace_range(from..to, value);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn spoilt_cards_are_answered(
        card in select(vec!["stm32h747", "ethos-u55", "ethos-u55-128", "max78000", "max78002", "k210", "gap8", "gap9", "imxrt1170", "ne16", "nvdla-small"]),
        spoils in vec(spoil(), 1..4),
    ) {
        let entry = cofit_chip::catalogue::find(card).expect("in the catalogue");
        let mut text = entry.text.to_owned();
        for spoil in &spoils {
            apply(&mut text, spoil);
        }
        read(&text);
    }

    #[test]
    fn random_text_is_answered(text in ".{0,300}") {
        read(&text);
    }

    #[test]
    fn random_changes_are_answered(
        path in "[a-z_.]{0,40}",
        value in ".{0,40}",
    ) {
        let mut card = Card::from_catalogue("k210").expect("listed").expect("a card");
        for path in [path.as_str(), "memory.sram.size", "engine.kpu.timing", "memory.sram"] {
            if card.set(&format!("{path}={value}")).is_ok() {
                let _ = card.resolve(&Selection::default()).map_err(|rejected| rejected.render());
            }
        }
    }

    #[test]
    fn sizes_survive_their_text(bytes in 1u64..1 << 50) {
        let text = format!(
            "schema = 1\n[target]\nid = \"t\"\n[[memory]]\nid = \"m\"\nsize = \"{bytes} B\"\n[[engine]]\nid = \"e\"\n"
        );
        let card = Card::parse(&text, "card.toml", &|_| None).expect("sound syntax");
        let chip = card.resolve(&Selection::default()).expect("a sound card");
        prop_assert_eq!(chip.memories[0].size.value.get(), bytes);
    }
}

#[test]
fn a_card_that_extends_itself_through_the_loader_ends() {
    let rejected = Card::parse("extends = \"again\"", "a.toml", &|name| {
        // A loader that gives every card a new name would go on for ever.
        Some((format!("{name}{}", name.len()), format!("extends = \"{name}x\"")))
    })
    .expect_err("no chain of bases is endless");
    assert_eq!(rejected.diagnostics.iter().next().map(|d| d.code.id), Some("CF-CRD-011"));
}
