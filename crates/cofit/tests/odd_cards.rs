//! Cards whose figures make no sense, through the whole path.
//!
//! A card is refused with a message, or its chip evaluates a model: no figure that a card may state
//! makes a panic, an endless loop, a broken plan or a number that is none. The cases follow from
//! their number alone; `COFIT_MUTATIONS=N` runs N of them.

mod common;

use std::sync::Arc;

use cofit_chip::{Card, Selection, catalogue};
use cofit_ir::verify::Verified;
use common::pipeline::{Random, Watch, evaluation};
use common::{conclude, workspace};

const CASES: u64 = 200;

/// Figures at the edges of what can be written.
const FIGURES: [&str; 14] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "0.0001",
    "0.5",
    "1e-300",
    "65535",
    "4294967296",
    "1e18",
    "9007199254740993",
    "1e300",
];

/// Replaces one to three numbers of a card's text, or leaves out a line.
fn mutate(text: &str, random: &mut Random) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=random.below(3) {
        let at = random.below(lines.len());
        let line = &lines[at];
        let is_digit = |at: &usize| line.as_bytes()[*at].is_ascii_digit();
        let starts: Vec<usize> = (0..line.len())
            .filter(is_digit)
            .filter(|&at| at == 0 || !matches!(line.as_bytes()[at - 1], b'0'..=b'9' | b'.' | b'_'))
            .collect();
        if line.starts_with('#') || starts.is_empty() {
            if random.below(8) == 0 && lines.len() > 1 {
                lines.remove(at);
            }
            continue;
        }
        let start = starts[random.below(starts.len())];
        let rest = &line[start..];
        let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_');
        let length = rest.find(|c| !is_number(c)).unwrap_or(rest.len());
        let figure = FIGURES[random.below(FIGURES.len())];
        lines[at] = format!("{}{figure}{}", &line[..start], &rest[length..]);
    }
    lines.join("\n")
}

#[test]
fn odd_cards_are_refused_or_used() {
    let cases: u64 = std::env::var("COFIT_MUTATIONS")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(CASES);
    let models: Vec<Verified> = ["digits_cnn_int8", "vibration_cnn_float32"]
        .iter()
        .map(|name| {
            let path = workspace().join(format!("examples/models/{name}.tflite"));
            let bytes = std::fs::read(path).expect("an example");
            let (model, _) = cofit_import::load(bytes.into(), name);
            Verified::new(model.expect("a sound file")).expect("a sound model")
        })
        .collect();
    let models = Arc::new(models);
    let family = catalogue::find("ethos-u55").expect("the family of the Ethos-U55").text;
    let cards: Vec<&str> = catalogue().map(|entry| entry.text).collect();
    let watch = Watch::new();
    let mut findings = Vec::new();
    let (mut refused, mut used) = (0u64, 0u64);
    for case in 0..cases {
        let mut random = Random(case);
        let which = (case % cards.len() as u64) as usize;
        // A chip of a family states little itself, so the family's card is the one to change.
        let is_member = cards[which].contains("extends = \"ethos-u55\"");
        let (text, base) = if is_member {
            let text = cards[which].replace("\"ethos-u55\"", "\"family.toml\"");
            (text, mutate(family, &mut random))
        } else {
            (mutate(cards[which], &mut random), String::new())
        };
        let models = Arc::clone(&models);
        let fate = watch.guard(move || {
            let loader = |name: &str| {
                (name == "family.toml").then(|| ("family.toml".to_owned(), base.clone()))
            };
            let chip = Card::parse(&text, "odd.toml", &loader)
                .and_then(|card| card.resolve(&Selection::default()));
            let Ok(chip) = chip else { return Ok(false) };
            for model in models.iter() {
                evaluation(model, &chip)?;
            }
            Ok(true)
        });
        match fate {
            Ok(true) => used += 1,
            Ok(false) => refused += 1,
            Err(finding) => findings.push(format!("case {case}, card {which}: {finding}")),
        }
    }
    conclude(&findings);
    let least = cases / 20;
    assert!(refused > least && used > least, "{refused} refused, {used} used");
}
