//! Dummies: whatever a card is changed to, a dummy that is found passes, from its written sketch and
//! from its written model, and what is said to be impossible was looked at.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use cofit_chip::{Card, Chip, Selection, catalogue};
use cofit_explore::sketching::{Answer, Obstacle, Question, Task, sketch};
use cofit_explore::{Budget, Status, evaluate};
use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_import::tflite;
use cofit_ir::Verified;
use cofit_vocab::{Bytes, Seconds};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A chip of the catalogue, read once: cards are long and are read slowly here.
fn chip(id: &'static str) -> Chip {
    static READ: Mutex<BTreeMap<&'static str, Chip>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().expect("no test panics while it reads a card");
    let chip = read.entry(id).or_insert_with(|| {
        let card = Card::from_catalogue(id).expect("in the catalogue").expect("a sound card");
        card.resolve(&Selection::default()).expect("the default")
    });
    chip.clone()
}

fn question(task: Task) -> Question {
    Question {
        task,
        input: task.usual_input(),
        classes: task.usual_classes(),
        budget: Budget::default(),
        sram: None,
        flash: None,
        name: "dummy".to_owned(),
        seed: 1,
        evaluations: Question::EVALUATIONS,
    }
}

/// What every answer keeps.
fn check(question: &Question, chip: &Chip) -> Answer {
    let answer = sketch(question, chip).expect("well-formed plans");
    match &answer {
        Answer::Dummy(dummy) => {
            assert_ne!(dummy.evaluation.verdict.status, Status::Fail);
            let text = &dummy.text;
            let weights = Weights::Random { seed: question.seed };
            let options = SketchOptions { parameters: Vec::new(), weights };
            let mut again = expand(text, "dummy.toml", &options).expect("the sketch expands");
            again.source.file.clone_from(&dummy.model.model().source.file);
            assert!(again == **dummy.model.model(), "{text}");
            let model = Verified::new(again).expect("a sound model");
            if let Ok(bytes) = tflite::write(model.model()) {
                let (read, _) = cofit_import::load(bytes.into(), "dummy.tflite");
                let read = Verified::new(read.expect("it can be read back")).expect("it is sound");
                let evaluation = evaluate(&read, chip, &question.budget).expect("a plan");
                assert_ne!(evaluation.verdict.status, Status::Fail, "{text}");
            }
        }
        Answer::Impossible(proof) => {
            let (_, obstacles) = proof.nearest.as_ref().expect("something was tried");
            assert!(!obstacles.is_empty());
            assert!(!proof.tally.is_empty());
        }
        Answer::Unsettled(_) => {}
    }
    answer
}

/// What is found for chips of several makes: `tests/sketching/dummies.txt`, which `UPDATE=1` rewrites.
#[test]
fn dummies_of_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sketching/dummies.txt");
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let mut actual = String::new();
    for line in expected.lines() {
        let mut words = line.split_whitespace();
        let asked = words.next().zip(words.next()).filter(|_| line.starts_with("$ "));
        let (Some(_), Some(task)) = (asked, words.next()) else {
            if line.starts_with('#') || line.is_empty() {
                actual.push_str(&format!("{line}\n"));
            }
            continue;
        };
        let id = line.split_whitespace().nth(1);
        let entry = catalogue().find(|entry| Some(entry.id) == id).expect("a chip");
        let task = Task::ALL.iter().copied().find(|known| known.name() == task).expect("a task");
        let mut question = question(task);
        for word in words {
            let (key, value) = word.split_once('=').expect("KEY=VALUE");
            let number: f64 = value.parse().expect("a number");
            match key {
                "seconds" => question.budget.latency = Some(Seconds(number)),
                "sram" => question.sram = Some(Bytes(number as u64)),
                "flash" => question.flash = Some(Bytes(number as u64)),
                other => panic!("`{other}` is no limit"),
            }
        }
        actual.push_str(&format!("{line}\n{}", told(&check(&question, &chip(entry.id)))));
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &actual).expect("it is writable");
    }
    let expected = std::fs::read_to_string(&path).expect("it is there");
    assert!(expected.lines().count() > 50, "dummies are missing");
    assert_eq!(actual, expected, "UPDATE=1 rewrites it");
}

/// An answer in lines.
fn told(answer: &Answer) -> String {
    let list = |values: &[(String, String)]| -> String {
        let pairs: Vec<String> =
            values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(" ")
    };
    let names = |obstacles: &[Obstacle]| -> String {
        let names: Vec<&str> = obstacles.iter().map(|obstacle| obstacle.name.as_str()).collect();
        names.join(", ")
    };
    match answer {
        Answer::Dummy(dummy) => {
            let mut text = format!(
                "> {} after {}: {}\n",
                dummy.member.template.name,
                dummy.refused.combinations,
                list(&dummy.member.values)
            );
            for wall in &dummy.walls {
                let line = match wall.value {
                    Some(value) => {
                        format!("> {}={value}: {}\n", wall.parameter, names(&wall.obstacles))
                    }
                    None => format!("> {}: at the end of its range\n", wall.parameter),
                };
                text.push_str(&line);
            }
            text
        }
        Answer::Impossible(proof) => {
            let tally: Vec<String> =
                proof.tally.iter().map(|(name, count)| format!("{name} {count}")).collect();
            let (member, obstacles) = proof.nearest.as_ref().expect("something was tried");
            format!(
                "> impossible, {} combinations: {}\n> nearest: {}: {}\n",
                proof.combinations,
                tally.join(", "),
                list(&member.values),
                names(obstacles)
            )
        }
        Answer::Unsettled(_) => "> unsettled\n".to_owned(),
    }
}

/// How a card of the catalogue is changed.
#[derive(Clone, Debug)]
struct Changes {
    id: &'static str,
    /// A memory, and the power of four that its size is multiplied by.
    sizes: Vec<(Index, i32)>,
    /// An engine, one of its rules, and the operator kind that is taken out of it.
    operators: Vec<[Index; 3]>,
    /// An engine, and the pair of widths that is taken from it.
    precisions: Vec<[Index; 2]>,
}

fn changes() -> impl Strategy<Value = Changes> {
    let ids: Vec<&'static str> = catalogue().map(|entry| entry.id).collect();
    let sizes = prop::collection::vec((any::<Index>(), -6..=1i32), 0..3);
    let operators = prop::collection::vec(any::<[Index; 3]>(), 0..4);
    let precisions = prop::collection::vec(any::<[Index; 2]>(), 0..3);
    (select(ids), sizes, operators, precisions)
        .prop_map(|(id, sizes, operators, precisions)| Changes { id, sizes, operators, precisions })
}

impl Changes {
    fn chip(&self) -> Chip {
        let mut chip = chip(self.id);
        for (at, power) in &self.sizes {
            let at = at.index(chip.memories.len());
            let size = &mut chip.memories[at].size.value;
            *size = Bytes((size.as_f64() * 4f64.powi(*power)) as u64);
        }
        for [engine, rule, kind] in &self.operators {
            let engine = engine.index(chip.engines.len());
            let rules = &mut chip.engines[engine].operators.0;
            if rules.is_empty() {
                continue;
            }
            let rule = rule.index(rules.len());
            let kinds = &mut rules[rule].kinds;
            if !kinds.is_empty() {
                kinds.remove(kind.index(kinds.len()));
            }
        }
        for [engine, pair] in &self.precisions {
            let engine = engine.index(chip.engines.len());
            let pairs = &mut chip.engines[engine].precision;
            if !pairs.is_empty() {
                pairs.remove(pair.index(pairs.len()));
            }
        }
        chip
    }
}

#[test]
fn dummies_for_a_thousand_random_cards_pass() {
    let config =
        Config { cases: 1000, failure_persistence: None, max_shrink_iters: 8, ..Config::default() };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let asked = (changes(), select(Task::ALL), [1..=12u32, 1..=12u32, 1..=4u32]);
    let found = std::cell::Cell::new(0);
    runner
        .run(&asked, |(changes, task, input)| {
            let question = Question { input, classes: 3, evaluations: 3, ..question(task) };
            if let Answer::Dummy(_) = check(&question, &changes.chip()) {
                found.set(found.get() + 1);
            }
            Ok(())
        })
        .expect("every dummy passes");
    assert!(found.get() > 500, "{found:?} of 1000 cards have a dummy");
}
