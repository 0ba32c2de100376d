//! Combinations of what a card can multiply and of a template's choices, the preferred first.

use std::collections::BTreeSet;

use cofit_chip::{Chip, NumberKind, PrecisionMode};
use cofit_import::sketch::{Domain, Scalar};
use cofit_vocab::OperatorKind;

use super::member::Form;

/// Largest channel multiple that a template takes.
const MULTIPLE: u64 = 64;

/// The channel multiple where the card has no rule: four lanes of bytes fill a 32-bit register, two of
/// them a 64-bit one.
const USUAL_MULTIPLE: u32 = 8;

/// Every combination as values of parameters.
pub(super) fn of(form: &Form, chip: &Chip) -> Vec<Vec<(String, String)>> {
    let mut styles: Vec<Vec<(String, String)>> = Vec::new();
    for (weights, activations) in precisions(chip) {
        styles.push(vec![
            ("weights".to_owned(), weights.to_owned()),
            ("activations".to_owned(), activations.to_owned()),
        ]);
    }
    let mut axes: Vec<(String, Vec<String>)> = Vec::new();
    for parameter in form.sketch.parameters() {
        if let Domain::Choices(choices) = &parameter.domain {
            axes.push((parameter.name.clone(), choices.iter().map(Scalar::to_string).collect()));
        }
    }
    let multiples = multiples(chip);
    axes.push(("multiple".to_owned(), multiples.iter().map(u32::to_string).collect()));
    for (name, values) in axes {
        let pair = |value: &String| (name.clone(), value.clone());
        styles = styles
            .iter()
            .flat_map(|style| values.iter().map(move |value| [&style[..], &[pair(value)]].concat()))
            .collect();
    }
    styles
}

/// Element types of weights and activations that an engine of the chip multiplies and a sketch can have:
/// native ones before others, wide integers before narrow ones, floats last.
fn precisions(chip: &Chip) -> Vec<(&'static str, &'static str)> {
    const PAIRS: &[(NumberKind, u32, u32, &str, &str)] = &[
        (NumberKind::Integer, 8, 8, "int8", "int8"),
        (NumberKind::Integer, 8, 8, "uint8", "uint8"),
        (NumberKind::Integer, 8, 16, "int8", "int16"),
        (NumberKind::Integer, 4, 8, "int4", "int8"),
        (NumberKind::Integer, 2, 8, "int2", "int8"),
        (NumberKind::Integer, 1, 8, "int1", "int8"),
        (NumberKind::Integer, 16, 16, "int16", "int16"),
        (NumberKind::Integer, 4, 4, "int4", "int4"),
        (NumberKind::Float, 32, 32, "float32", "float32"),
        (NumberKind::Float, 16, 16, "float16", "float16"),
    ];
    let rank = |mode: PrecisionMode| match mode {
        PrecisionMode::Native | PrecisionMode::BitSerial => Some(0),
        PrecisionMode::StorageOnly => Some(1),
        PrecisionMode::Emulated => Some(2),
        PrecisionMode::Unsupported => None,
    };
    let best = |kind: NumberKind, weights: u32, activations: u32| -> Option<i32> {
        let pairs = chip.engines.iter().flat_map(|engine| &engine.precision);
        pairs
            .filter(|pair| {
                pair.kind == kind
                    && pair.weight_bits == weights
                    && pair.activation_bits == activations
            })
            .filter_map(|pair| rank(pair.mode))
            .min()
    };
    let mut found: Vec<(i32, &'static str, &'static str)> = PAIRS
        .iter()
        .filter_map(|&(kind, weights, activations, weight, activation)| {
            Some((best(kind, weights, activations)?, weight, activation))
        })
        .collect();
    // The sort keeps the order of the table among equals.
    found.sort_by_key(|&(rank, _, _)| rank);
    if found.is_empty() {
        // Its refusal then says that the card multiplies nothing.
        return vec![("int8", "int8")];
    }
    found.into_iter().map(|(_, weights, activations)| (weights, activations)).collect()
}

/// Channel multiples: what the first engine's rules for convolutions and dense layers ask for, the usual
/// one, and 1.
fn multiples(chip: &Chip) -> Vec<u32> {
    let kinds = [OperatorKind::Conv2d, OperatorKind::DepthwiseConv2d, OperatorKind::FullyConnected];
    let mut asked = BTreeSet::new();
    for rule in chip.engines.iter().take(1).flat_map(|engine| &engine.operators.0) {
        if rule.kinds.iter().any(|kind| kinds.contains(kind)) {
            asked.extend(rule.input_channels_multiple);
            asked.extend(rule.output_channels_multiple);
            asked.extend(rule.input_channels.as_ref().map(|span| span.least));
            asked.extend(rule.output_channels.as_ref().map(|span| span.least));
        }
    }
    let most = asked.into_iter().filter(|&multiple| (2..=MULTIPLE).contains(&multiple)).max();
    let mut multiples: Vec<u32> =
        most.into_iter().filter_map(|it| u32::try_from(it).ok()).collect();
    if multiples.is_empty() {
        multiples.push(USUAL_MULTIPLE);
    }
    multiples.push(1);
    multiples
}
