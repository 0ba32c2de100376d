//! What the chips of the catalogue make of a scheme, in `chips.txt`.

mod support;

use std::fmt::Write as _;

use cofit_chip::{Card, Chip, Selection};
use cofit_ir::Verified;
use cofit_quantise::chip_rules::execution_options;
use cofit_quantise::evaluate::{Metric, evaluate};
use cofit_quantise::quantise::Settings;
use cofit_quantise::{Scheme, quantise, unwatched};
use support::{Data, calibration, check, model};

fn chip(id: &str, runtime: Option<&str>) -> Chip {
    let selection = Selection { runtime: runtime.map(str::to_owned), ..Selection::default() };
    Card::from_catalogue(id)
        .expect("in the catalogue")
        .expect("sound")
        .resolve(&selection)
        .expect("sound")
}

fn described(model: &Verified, chip: &Chip, wanted: Option<&str>) -> String {
    let scheme: Option<Scheme> = wanted.map(|text| text.parse().unwrap());
    match Scheme::for_chip(model, chip, scheme.as_ref()) {
        Err(found) => found
            .iter()
            .take(1)
            .map(|found| format!("{} {}", found.code.id, found.message))
            .collect(),
        Ok(found) => {
            let layer = &found.layers[0];
            let own = found.scheme.of(&layer.name);
            let mut text = format!("{own} {:?} on {}", layer.mode, layer.engine);
            for (word, is_so) in [
                ("per axis", own.per_axis),
                ("power of two", found.scheme.power_of_two),
                ("symmetric", found.scheme.symmetric_activations),
            ] {
                if is_so {
                    write!(text, ", {word}").unwrap();
                }
            }
            if let Some(bits) = found.scheme.bias_bits {
                write!(text, ", biases of {bits} bits").unwrap();
            }
            if let Some([low, high]) = own.weight_limits {
                write!(text, ", weights {low} to {high}").unwrap();
            }
            text
        }
    }
}

#[test]
fn chips_allow_what_their_cards_list() {
    let model = model("digits_cnn_float32.tflite");
    let mut text = String::new();
    for (id, runtime) in [
        ("max78000", None),
        ("max78002", None),
        ("k210", None),
        ("ethos-u55-128", None),
        ("stm32h747", None),
        ("stm32h747", Some("tflm-cmsis-nn")),
        ("stm32h747", Some("tflm-ref")),
    ] {
        let chip = chip(id, runtime);
        writeln!(text, "{id} {}", runtime.unwrap_or_default()).unwrap();
        let (options, notes) = execution_options(&chip);
        writeln!(text, "  rounding {:?}", options.rounding).unwrap();
        notes.iter().for_each(|note| writeln!(text, "  {note}").unwrap());
        writeln!(text, "  free: {}", described(&model, &chip, None)).unwrap();
        for wanted in ["w8a8", "w8a16", "w4a8", "w2a8", "w1a8"] {
            writeln!(text, "  {wanted}: {}", described(&model, &chip, Some(wanted))).unwrap();
        }
    }
    check("chips.txt", &text);
}

#[test]
fn power_of_two_models_score_as_the_chip_computes_them() {
    let model = model("digits_cnn_float32.tflite");
    let calibration = calibration(&model, "digits");
    let data = Data::read("digits");
    let mut text = String::new();
    for id in ["max78000", "max78002"] {
        let chip = chip(id, None);
        let (execution, _) = execution_options(&chip);
        for wanted in ["w8a8", "w4a8", "w2a8"] {
            let scheme = Scheme::for_chip(&model, &chip, Some(&wanted.parse().unwrap())).unwrap();
            let settings = Settings { execution: execution.clone(), ..Settings::default() };
            let quantised = quantise(&model, &calibration, &scheme.scheme, &settings).unwrap();
            for tensor in quantised.model.main_graph().tensors.values() {
                // What the accelerator does not compute keeps the scale of its kernel.
                let is_softmax = tensor.name.starts_with("StatefulPartitionedCall");
                for scale in tensor.quantisation.iter().flat_map(|found| &found.scales) {
                    assert!(scale.log2().fract() == 0.0 || is_softmax, "{}: {scale}", tensor.name);
                }
            }
            for layer in &quantised.layers {
                let graph = quantised.model.main_graph();
                let bias = graph.operators[layer.operator].input(2).unwrap();
                let stored = graph.tensors[bias].integers().unwrap();
                assert!(stored.iter().all(|bias| bias % 128 == 0 && bias.abs() <= 127 * 128));
            }
            let score = evaluate(
                &quantised.model,
                &data.samples,
                &data.truth(),
                Metric::TopK(1),
                &execution,
                &mut unwatched,
            )
            .unwrap();
            writeln!(text, "{id} {wanted} {:.4}", score.value).unwrap();
        }
    }
    check("chip_scores.txt", &text);
}
