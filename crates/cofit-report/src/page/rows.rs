//! What the views of a page share about a subject: layers with their costs, memories with their use.

use cofit_compile::plan::{MemoryId, Placement, StepId};
use cofit_sim::{Cause, Causes};
use cofit_vocab::{Bytes, Cycles};
use cranelift_entity::EntityRef;

use crate::{Subject, sim, words};

/// A layer of the page: a step of the plan that does something.
pub(super) struct Row {
    /// The step.
    pub(super) id: StepId,
    /// Its whole name.
    pub(super) name: String,
    /// What tells it from the others, in few characters.
    pub(super) label: String,
    /// The kinds of its operators.
    pub(super) operators: String,
    /// Where it runs; with `!` where nothing runs it.
    pub(super) engine: String,
    /// Dimensions of its first result, as `1x8x8x16`.
    pub(super) shape: String,
    /// Multiply-accumulates of the model.
    pub(super) macs: u64,
    /// Cycles charged to it, by cause.
    pub(super) causes: Causes,
    /// All of them.
    pub(super) cycles: Cycles,
    /// Its share of the inference, 0 to 1.
    pub(super) share: f64,
    /// Bytes that it moves, all memories together.
    pub(super) moved: Bytes,
    /// Bytes of all buffers that are live while it runs.
    pub(super) live: Bytes,
}

impl Row {
    /// The step's number.
    pub(super) fn number(&self) -> u32 {
        self.id.as_u32()
    }

    /// The cause of most of its cycles.
    pub(super) fn bound(&self) -> Option<Cause> {
        self.causes.dominant().map(|(cause, _)| cause)
    }

    /// The last part of its name.
    pub(super) fn short(&self) -> &str {
        words::short_name(&self.name)
    }
}

/// Every layer, in the order in which they run.
pub(super) fn rows(subject: &Subject<'_>) -> Vec<Row> {
    let (plan, profile) = (&subject.evaluation.plan, &subject.evaluation.profile);
    let live = live_bytes(subject);
    let mut rows: Vec<Row> = plan
        .steps
        .iter()
        .filter(|(_, step)| step.placement != Placement::View)
        .map(|(id, step)| {
            let cost = &profile.steps[id];
            let shape = step.outputs.first().map_or_else(String::new, |&output| {
                let dimensions = plan.graph.tensors[output].shape.dimensions();
                dimensions.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
            });
            Row {
                id,
                name: plan.step_name(id),
                label: String::new(),
                operators: sim::operator_names(subject, step),
                engine: sim::engine(subject, step),
                shape,
                macs: sim::macs(subject, step),
                causes: cost.causes,
                cycles: cost.cycles(),
                share: cost.cycles().as_f64() / profile.cycles.as_f64().max(1.0),
                moved: cost.traffic.values().map(|moved| moved.total()).sum(),
                live: live.iter().map(|memory| memory[id.index()]).sum(),
            }
        })
        .collect();
    let shared = shared_start(&rows);
    for row in &mut rows {
        let short = row.short();
        row.label = middle(short.strip_prefix(shared.as_str()).unwrap_or(short), LABEL);
    }
    rows
}

/// Characters of a label.
const LABEL: usize = 32;

/// The first parts of a path with which most names begin, as in `MobileNetV2/`.
fn shared_start(rows: &[Row]) -> String {
    let mut shared = String::new();
    loop {
        let next = rows.iter().find_map(|row| {
            let rest = row.short().strip_prefix(shared.as_str())?;
            rest.find('/').map(|at| format!("{shared}{}", &rest[..=at]))
        });
        let Some(next) = next else { return shared };
        let count = rows.iter().filter(|row| row.short().starts_with(next.as_str())).count();
        if count * 4 < rows.len() * 3 {
            return shared;
        }
        shared = next;
    }
}

/// A name within so many characters, without its middle: what tells layers apart stands at both ends.
fn middle(name: &str, longest: usize) -> String {
    let count = name.chars().count();
    if count <= longest {
        return name.to_owned();
    }
    let head: String = name.chars().take(longest / 2).collect();
    let tail: String = name.chars().skip(count - (longest - longest / 2 - 1)).collect();
    format!("{head}…{tail}")
}

/// Bytes of the buffers that are live at each step, by memory in the card's order; buffers that found
/// no memory are in none.
pub(crate) fn live_bytes(subject: &Subject<'_>) -> Vec<Vec<Bytes>> {
    let plan = &subject.evaluation.plan;
    let steps = plan.steps.len();
    let mut live = vec![vec![Bytes::ZERO; steps]; subject.chip.memories.len()];
    for buffer in plan.buffers.values() {
        let Some(memory) = buffer.memory.and_then(|id| live.get_mut(id.index())) else { continue };
        let (first, last) = (buffer.first_step.index(), buffer.last_step.index());
        for bytes in memory.iter_mut().take(last.saturating_add(1)).skip(first) {
            *bytes += buffer.bytes;
        }
    }
    live
}

/// The id of a memory.
pub(super) fn memory<'a>(subject: &Subject<'a>, id: MemoryId) -> &'a str {
    subject.chip.memories.get(id.index()).map_or("-", |memory| &memory.id)
}

#[cfg(test)]
mod tests {
    use super::middle;

    #[test]
    fn labels_keep_both_ends() {
        assert_eq!(middle("block_12/project/batch_norm", 11), "block…_norm");
        assert_eq!(middle("äöü", 3), "äöü");
        assert_eq!(middle("äöüß", 3), "ä…ß");
    }
}
