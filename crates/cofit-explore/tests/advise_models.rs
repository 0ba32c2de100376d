//! What every suggestion holds, on random networks and on real ones: the changed model verifies,
//! evaluated again it has the figures that are shown, something is better, and what claims to be exact
//! computes the same.

mod support;

use std::path::{Path, PathBuf};

use cofit_chip::{Card, Selection};
use cofit_explore::Budget;
use cofit_explore::advise::{Edit, Kind, Options, Setting, advise, until_fits, with_random_values};
use cofit_import::sketch::{self, SketchOptions, Weights};
use cofit_ir::Verified;
use cofit_shared::shared_dir;
use cofit_vocab::Seconds;
use proptest::prelude::*;
use proptest::sample::select;

use support::{holds, is_executable, same_results};

/// Chips of every make: processors with and without a cache, arrays, a chip of 1 to 8 bits.
const CHIPS: [&str; 8] = [
    "stm32f746",
    "esp32-s3",
    "gap9",
    "max78000",
    "ethos-u55-128",
    "k210",
    "stm32f401",
    "imxrt1170",
];

fn setting(model: Verified, chip: &str, latency: Option<Seconds>) -> Setting {
    let card = Card::from_catalogue(chip).expect("a card").expect("a sound card");
    let selection = Selection::default();
    let chip = card.resolve(&selection).expect("a chip");
    let budget = Budget { latency, energy: None };
    Setting::new(model, card, selection, chip, budget).expect("a plan that keeps its rules")
}

/// Every suggestion holds what it claims; how many there are.
fn check(setting: &Setting) -> Result<usize, String> {
    let options = Options { most_evaluations: 40, ..Options::default() };
    let advice = advise(setting, &options).map_err(|found| format!("{found:#?}"))?;
    for suggestion in &advice.suggestions {
        holds(setting, suggestion)?;
        let Edit::Model(after) = &suggestion.candidate.edit else { continue };
        // Where the network could be executed, it can be with values in the place of absent ones.
        let (filled, _) = with_random_values(after).ok_or("no values")?;
        if is_executable(&setting.model) && !is_executable(&filled) {
            let kind = suggestion.candidate.kind;
            // Kernels unpack weights of 4 bits and of 8.
            if kind != Kind::PrecisionPerLayer {
                return Err(format!("{kind} cannot be executed"));
            }
        }
        // Batch normalisation on integers has no kernel.
        if suggestion.candidate.keeps.is_exact() && is_executable(&setting.model) {
            same_results(&setting.model, after)
                .map_err(|found| format!("{}: {found}", suggestion.candidate.kind))?;
        }
    }
    Ok(advice.suggestions.len())
}

/// A layer of a random network.
fn layer() -> impl Strategy<Value = String> {
    let channels = select(vec![4u32, 8, 12, 17, 24, 33]);
    let kernel = select(vec![1u32, 3, 5, 7]);
    let stride = select(vec![1u32, 1, 2]);
    let activation = select(vec!["none", "relu", "relu6", "hard_swish", "leaky_relu"]);
    let norm = any::<bool>();
    (0..7usize, channels, kernel, stride, activation, norm).prop_map(
        |(kind, channels, kernel, stride, activation, norm)| {
            let window = format!("kernel = {kernel}\nstride = {stride}\n");
            let tail = format!("activation = {activation:?}\nbatch_norm = {norm}\n");
            match kind {
                0 | 1 => format!("[[layer]]\nconv = {channels}\n{window}{tail}"),
                2 | 3 => format!("[[layer]]\ndepthwise = 1\n{window}{tail}"),
                4 => format!("[[layer]]\nseparable = {channels}\n{window}{tail}"),
                5 => format!("[[layer]]\nresidual = {channels}\n{tail}"),
                _ => format!("[[layer]]\ninverted_residual = {channels}\nexpansion = 2\n{tail}"),
            }
        },
    )
}

/// A random network with seeded weights.
fn network() -> impl Strategy<Value = String> {
    let sides = select(vec![(16u32, 16u32), (17, 9), (25, 10)]);
    let layers = prop::collection::vec(layer(), 1..4);
    let element = select(vec!["int8", "int8", "float32"]);
    (sides, select(vec![1u32, 3, 8]), layers, any::<[bool; 2]>(), element).prop_map(
        |((height, width), channels, layers, [pools, softmax], element)| {
            let pool = if pools { "global_average_pool = true" } else { "flatten = true" };
            let softmax = if softmax { "[[layer]]\nsoftmax = true\n" } else { "" };
            format!(
                "sketch = 1\nprecision = {element:?}\ninput = [{height}, {width}, {channels}]\n{}\
                 [[layer]]\n{pool}\n[[layer]]\ndense = 16\n{softmax}",
                layers.concat()
            )
        },
    )
}

fn expand(text: &str) -> Verified {
    let options = SketchOptions { parameters: Vec::new(), weights: Weights::Random { seed: 7 } };
    let model = sketch::expand(text, "random.toml", &options);
    Verified::new(model.unwrap_or_else(|found| panic!("{text}\n{found:#?}"))).expect("a model")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn suggestions_for_random_networks_hold(text in network(), chip in select(CHIPS.to_vec())) {
        let setting = setting(expand(&text), chip, None);
        if let Err(found) = check(&setting) {
            return Err(TestCaseError::fail(format!("{chip}\n{text}\n{found}")));
        }
    }

    #[test]
    fn chains_come_closer_with_every_step(text in network(), chip in select(CHIPS.to_vec())) {
        let model = expand(&text);
        let profile = setting(model.clone(), chip, None).evaluation.profile;
        // A third of the time that it takes.
        let limit = Seconds(profile.steady_state().get() / 3.0);
        let from = setting(model, chip, Some(limit));
        let options = Options { most_evaluations: 40, ..Options::default() };
        let chain = until_fits(&from, &options).expect("plans keep their rules");
        let mut at = from;
        for step in &chain.steps {
            if let Err(found) = holds(&at, step) {
                return Err(TestCaseError::fail(format!("{chip}\n{text}\n{found}")));
            }
            prop_assert!(step.after.excess < at.figures().excess || step.after.fits());
            match &step.setting {
                Some(next) => at = (**next).clone(),
                None => break,
            }
        }
    }
}

/// Files of models below a folder, in order.
fn models(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the folder is readable");
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            models(&path, found);
        } else if path.extension().is_some_and(|it| it == "tflite" || it == "onnx") {
            found.push(path);
        }
    }
}

/// Bytes of the largest file that is taken: executing a larger network takes seconds here.
const LARGEST: u64 = 60 << 10;

#[test]
fn suggestions_for_real_models_hold() {
    let Some(shared) = shared_dir() else { return };
    let mut files = Vec::new();
    models(&shared.join("models"), &mut files);
    files.retain(|path| path.metadata().is_ok_and(|found| found.len() <= LARGEST));
    assert!(files.len() > 30, "{} models", files.len());
    let mut count = 0;
    for (at, path) in files.iter().enumerate().step_by(4) {
        let bytes = std::fs::read(path).expect("the file is readable");
        let (model, _) = cofit_import::load(bytes.into(), &path.display().to_string());
        let Some(Ok(model)) = model.map(Verified::new) else { continue };
        let chip = CHIPS[at / 4 % CHIPS.len()];
        let from = setting(model, chip, None);
        match check(&from) {
            Ok(found) => count += found,
            Err(found) => panic!("{} on {chip}: {found}", path.display()),
        }
    }
    assert!(count > 20, "{count} suggestions");
}
