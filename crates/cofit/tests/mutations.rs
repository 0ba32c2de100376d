//! Damaged models through the whole path: import, verification, evaluation, every report.
//!
//! A damaged file is refused with a message or goes all the way; it never panics, never breaks a
//! rule of plans, and takes bounded time and memory. The cases follow from their number alone.
//! `COFIT_MUTATIONS=N` runs N cases, over the files of `../shared/models` too, from the case
//! `COFIT_MUTATIONS_FROM`.

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cofit_chip::{Card, Chip, Selection};
use cofit_import::{Format, sketch};
use cofit_ir::verify::Verified;
use common::pipeline::{Random, Watch, evaluation, inspection};
use common::{conclude, workspace};

/// Cases without `COFIT_MUTATIONS`.
const CASES: u64 = 300;
/// One chip for each timing model.
const CHIPS: [&str; 5] = ["ethos-u55-128", "stm32h747", "max78000", "k210", "gap9"];
/// Damages `bytes` in one to four places.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    const WORDS: [u32; 10] = [0, 1, 2, 3, 8, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(16) {
            0 => bytes.truncate(at.max(1)),
            1..5 => bytes[at] ^= 1 << random.below(8),
            5..8 => bytes[at] = random.next() as u8,
            8..11 => {
                let word = WORDS[random.below(WORDS.len())].to_le_bytes();
                let start = at & !3;
                for (to, from) in bytes.iter_mut().skip(start).zip(word) {
                    *to = from;
                }
            }
            11..13 => {
                // One more or one less: a neighbouring extent, index or offset.
                let step = if random.below(2) == 0 { 1 } else { u8::MAX };
                bytes[at & !3] = bytes[at & !3].wrapping_add(step);
            }
            13 => {
                let length = random.below(64).min(bytes.len() - at);
                let block = bytes[at..at + length].to_vec();
                let to = random.below(bytes.len() - length + 1);
                bytes[to..to + length].copy_from_slice(&block);
            }
            14 => {
                let end = (at + 4 * random.below(8)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let block = vec![random.next() as u8; 4 * (1 + random.below(8))];
                bytes.splice(at..at, block);
            }
        }
        if bytes.is_empty() {
            return;
        }
    }
}

/// What became of a case.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Refused,
    Evaluated,
}

/// Sends a file through everything that a command line could do with it.
fn run(bytes: &[u8], name: &str, chips: &[Chip]) -> Result<Fate, String> {
    let model = if Format::detect(bytes) == Some(Format::Sketch) {
        let options =
            sketch::SketchOptions { parameters: Vec::new(), weights: sketch::Weights::Absent };
        sketch::expand(&String::from_utf8_lossy(bytes), name, &options).ok()
    } else {
        let (model, found) = cofit_import::load(bytes.to_vec().into(), name);
        model.filter(|_| !found.has_errors())
    };
    let Some(Ok(model)) = model.map(Verified::new) else {
        return Ok(Fate::Refused);
    };
    if inspection(&model) == 0 {
        return Err("inspection says nothing".to_owned());
    }
    for chip in chips {
        evaluation(&model, chip)?;
    }
    Ok(Fate::Evaluated)
}

/// Every file of one extension below a folder, sorted.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|one| one == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn damaged_models_are_refused_or_go_all_the_way() {
    let asked: Option<u64> =
        std::env::var("COFIT_MUTATIONS").ok().and_then(|number| number.parse().ok());
    let mut corpus = files(&workspace().join("examples/models"), "tflite");
    corpus.extend(files(&workspace().join("examples/sketches"), "toml"));
    if asked.is_some() {
        let shared = cofit_shared::shared_dir();
        corpus.extend(shared.iter().flat_map(|shared| files(&shared.join("models"), "tflite")));
    }
    let originals: Vec<Vec<u8>> =
        corpus.iter().map(|path| std::fs::read(path).expect("a readable file")).collect();
    let chips = CHIPS.map(|id| {
        let card = Card::from_catalogue(id).expect("it is in the catalogue").expect("it is sound");
        card.resolve(&Selection::default()).expect("its first runtime and operating point")
    });
    let chips = Arc::new(chips);
    let watch = Watch::new();
    let mut findings = Vec::new();
    let (mut refused, mut evaluated) = (0u64, 0u64);
    let first = std::env::var("COFIT_MUTATIONS_FROM").ok().and_then(|n| n.parse().ok());
    let first = first.unwrap_or(0u64);
    for case in first..first + asked.unwrap_or(CASES) {
        let which = (case % corpus.len() as u64) as usize;
        let name = corpus[which].display().to_string();
        let mut bytes = originals[which].clone();
        mutate(&mut bytes, &mut Random(case));
        let (chips, file) = (Arc::clone(&chips), name.clone());
        match watch.guard(move || run(&bytes, &file, chips.as_slice())) {
            Ok(Fate::Refused) => refused += 1,
            Ok(Fate::Evaluated) => evaluated += 1,
            Err(finding) => findings.push(format!("case {case}, {name}: {finding}")),
        }
    }
    conclude(&findings);
    // Damage that is always refused, or never, would test nothing.
    let least = asked.unwrap_or(CASES) / 20;
    assert!(refused > least && evaluated > least, "{refused} refused, {evaluated} evaluated");
}
