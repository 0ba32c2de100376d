//! Figures of the layers as an overlay for Google's Model Explorer.
//!
//! The file is "node data" of one graph, as `model_explorer/node_data_builder.py` of
//! google-ai-edge/model-explorer (commit a6b260d7) describes it: `results` by the name of a node's
//! output tensor, and a `gradient` from the least value to the greatest. A layer's figure stands at
//! the tensor that its last operator writes; operators that became part of a layer have none.

use std::collections::BTreeMap;

use cofit_compile::plan::Placement;
use cranelift_entity::EntityRef;
use serde_json::{Map, Value, json};

use crate::page::live_bytes;
use crate::{Subject, sim};

/// A figure of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Cycles charged to it.
    Cycles,
    /// Its share of the cycles, in per cent.
    Share,
    /// Multiply-accumulates.
    Macs,
    /// Bytes that it moves, all memories together.
    Traffic,
    /// Bytes of all buffers live while it runs.
    Live,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 5] = [Self::Cycles, Self::Share, Self::Macs, Self::Traffic, Self::Live];

    /// The word by which commands name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cycles => "cycles",
            Self::Share => "share",
            Self::Macs => "macs",
            Self::Traffic => "traffic",
            Self::Live => "live",
        }
    }
}

/// The overlay of one metric.
pub fn json_value(subject: &Subject<'_>, metric: Metric) -> Value {
    let (plan, profile) = (&subject.evaluation.plan, &subject.evaluation.profile);
    let live = live_bytes(subject);
    let mut results: BTreeMap<&str, Value> = BTreeMap::new();
    for (id, step) in &plan.steps {
        let last = step.operators.last().copied().unwrap_or(step.main);
        let Some(&output) = plan.graph.operators[last].outputs.first() else { continue };
        if step.placement == Placement::View {
            continue;
        }
        let cost = &profile.steps[id];
        let value = match metric {
            Metric::Cycles => json!(cost.cycles().get()),
            Metric::Share => {
                let share = cost.cycles().as_f64() / profile.cycles.as_f64().max(1.0);
                json!((share * 1e4).round() / 1e2)
            }
            Metric::Macs => json!(sim::macs(subject, step)),
            Metric::Traffic => {
                json!(
                    cost.traffic
                        .values()
                        .map(|moved| moved.total().get())
                        .fold(0, u64::saturating_add)
                )
            }
            Metric::Live => {
                let bytes = live.iter().map(|memory| memory[id.index()].get());
                json!(bytes.fold(0, u64::saturating_add))
            }
        };
        results.insert(&plan.graph.tensors[output].name, json!({ "value": value }));
    }
    let results: Map<String, Value> =
        results.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    json!({
        "name": format!("{} on {}", metric.name(), subject.chip.id()),
        "results": results,
        "gradient": [
            { "stop": 0, "bgColor": "#ffffff", "textColor": "#16181c" },
            { "stop": 0.5, "bgColor": "#f0c878", "textColor": "#16181c" },
            { "stop": 1, "bgColor": "#d55e00", "textColor": "#16181c" },
        ],
    })
}
