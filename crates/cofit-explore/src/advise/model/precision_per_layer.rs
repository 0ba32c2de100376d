//! `precision-per-layer`: one layer's weights get fewer bits.
//!
//! Tried are the widths below the layer's own that the chip's engines multiply with the layer's
//! activations. Sizes, time and energy are those of the narrower weights; their values are absent,
//! because rounding them well takes data: `cofit quantize --layer` makes them, and `cofit sensitivity`
//! ranks layers by what they lose.

use cofit_chip::{NumberKind, PrecisionMode};
use cofit_ir::{Op, Operator};
use cofit_vocab::ElementType;

use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting, Weights, edit};

/// Layers that are tried, those with most multiply-accumulates first.
const MOST_SITES: usize = 8;
/// Element types of narrow weights.
const NARROW: [ElementType; 3] = [ElementType::Int4, ElementType::Int2, ElementType::Int1];

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let graph = setting.model.main_graph();
    for site in edit::sites(graph, MOST_SITES, has_weights) {
        let operator = &graph.operators[site];
        let (Some(input), Some(weights)) = (operator.input(0), operator.input(1)) else { continue };
        let (activation, old) = (graph.tensors[input].element, &graph.tensors[weights]);
        if !old.is_constant() || old.element.is_float() {
            continue;
        }
        for element in NARROW.into_iter().filter(|it| it.bits() < old.element.bits()) {
            let is_taken = setting.chip.engines.iter().flat_map(|it| &it.precision).any(|pair| {
                pair.mode != PrecisionMode::Unsupported
                    && pair.kind == NumberKind::Integer
                    && pair.weight_bits == element.bits()
                    && pair.activation_bits == activation.bits()
                    && pair.covers(operator.kind())
            });
            if !is_taken {
                continue;
            }
            let mut changed = graph.clone();
            let mut new = edit::absent_like(old, old.name.clone(), old.shape.clone());
            new.element = element;
            changed.tensors[weights] = new;
            let Some(model) = edit::verified(&setting.model, changed) else { continue };
            let place = graph.operator_name(site);
            let scheme = format!("w{}a{}", element.bits(), activation.bits());
            found.candidates.push(Candidate {
                kind: Kind::PrecisionPerLayer,
                change: format!("weights of {} bits -> {}", old.element.bits(), element.bits()),
                keeps: Keeps::Nothing(Weights::Absent),
                notes: vec![format!("`cofit quantize --layer {place}={scheme}` makes the values")],
                place,
                edit: Edit::Model(model),
            });
        }
    }
}

const fn has_weights(operator: &Operator) -> bool {
    matches!(operator.op, Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::FullyConnected(_))
}
