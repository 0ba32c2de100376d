//! The plan's verifier finds every way in which a transfer can be wrong.

use cofit_chip::{Card, Selection};
use cofit_compile::plan::{Plan, StepId, TransferId, TransferRole};
use cofit_compile::{compile, verify};
use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_vocab::Bytes;
use cranelift_entity::EntityRef;

/// A skip connection that leaves and comes back, and weights in slices, by one plan.
const CARD: &str = r#"
schema = 1
[target]
id = "moving"
[[memory]]
id = "fast"
size = "15200 B"
tier = "sram"
bytes_per_cycle = 16
holds = ["act", "weight"]
[[memory]]
id = "slow"
size = "1 MiB"
tier = "dram"
bytes_per_cycle = 1
holds = ["act", "weight", "bias", "code", "runtime"]
[[link]]
id = "out"
from = "fast"
to = "slow"
[[link]]
id = "in"
from = "slow"
to = "fast"
[[engine]]
id = "npu"
precision = [{ w = 8, a = 8 }]
operators = ["conv2d", "add"]
[tiling]
mode = "spill"
fetch_back = true
[weights]
residency = "stream_per_layer"
staging = "double"
[[runtime]]
id = "per-buffer"
placement = "per_buffer"
"#;

const SKETCH: &str = r#"
sketch = 1
input = [16, 16, 8]
[[layer]]
conv = 16
as = "skip"
bias = false
[[layer]]
conv = 24
bias = false
[[layer]]
conv = 24
bias = false
[[layer]]
conv = 16
bias = false
as = "tail"
[[layer]]
add = ["skip", "tail"]
"#;

fn plan() -> Plan {
    let card = Card::parse(CARD, "moving.toml", &|_| None).expect("a card");
    let chip = card.resolve(&Selection::default()).expect("a chip");
    let options = SketchOptions { parameters: Vec::new(), weights: Weights::Absent };
    let model = expand(SKETCH, "case", &options).expect("a sketch");
    let compiled = compile(&model, &chip, &mut ());
    assert!(compiled.mistakes.is_empty(), "{:?}", compiled.mistakes);
    assert!(compiled.plan.refusals.is_empty());
    compiled.plan
}

/// The first transfer for which `is_wanted` holds.
fn find(plan: &Plan, is_wanted: impl Fn(TransferRole) -> bool) -> TransferId {
    let mut all = plan.transfers.iter();
    all.find(|(_, one)| is_wanted(one.role)).expect("the plan has one").0
}

fn spill(plan: &Plan) -> TransferId {
    find(plan, |role| role == TransferRole::Spill)
}

fn back(plan: &Plan) -> TransferId {
    find(plan, |role| role == TransferRole::FetchBack)
}

/// A slice that waits for its buffer.
fn slice(plan: &Plan) -> TransferId {
    find(plan, |role| matches!(role, TransferRole::Weights { frees: Some(_), .. }))
}

/// Breaks a sound plan and expects the verifier to say `fault`.
#[track_caller]
fn check(fault: &str, damage: impl Fn(&mut Plan)) {
    let mut plan = plan();
    damage(&mut plan);
    let found: Vec<String> = verify::verify(&plan).iter().map(ToString::to_string).collect();
    assert!(found.iter().any(|message| message.contains(fault)), "{fault}: {found:?}");
}

#[test]
fn windows_and_memories() {
    check("does not fit its target", |plan| {
        let id = spill(plan);
        plan.transfers[id].to = plan.transfers[id].from;
    });
    check("does not fit its target", |plan| {
        let id = back(plan);
        plan.transfers[id].bytes += Bytes(1 << 20);
    });
    check("does not fit its source", |plan| {
        let id = back(plan);
        plan.transfers[id].from = plan.transfers[id].to;
    });
    check("ends before it begins", |plan| {
        let id = back(plan);
        plan.transfers[id].after = Some(plan.transfers[id].step);
    });
    check("fills a buffer that is not live", |plan| {
        let id = back(plan);
        plan.transfers[id].after = None;
    });
    check("reads a buffer that is not live", |plan| {
        let id = back(plan);
        let waiting = plan.transfers[id].source.expect("an activation");
        plan.buffers[waiting].last_step = plan.buffers[waiting].first_step;
    });
    check("moves away while a step runs", |plan| {
        let id = spill(plan);
        plan.transfers[id].step = StepId::new(plan.transfers[id].step.index() + 1);
    });
    check("is out of order", |plan| {
        let first = plan.transfers.keys().next().expect("transfers");
        let last = plan.transfers.keys().next_back().expect("transfers");
        let (a, b) = (plan.transfers[first].clone(), plan.transfers[last].clone());
        (plan.transfers[first], plan.transfers[last]) = (b, a);
    });
}

#[test]
fn activations_that_wait() {
    check("is not filled as it should be", |plan| {
        let id = back(plan);
        plan.transfers[id].role = TransferRole::Weights { slice: 0, slices: 1, frees: None };
    });
    check("reads nothing", |plan| {
        let id = back(plan);
        plan.transfers[id].source = None;
    });
    check("joins what does not belong together", |plan| {
        let id = back(plan);
        let other = plan.transfers[slice(plan)].target;
        plan.transfers[id].target = other;
    });
}

#[test]
fn slices_of_weights() {
    check("is not the slice that is missing", |plan| {
        let id = slice(plan);
        plan.transfers[id].role = TransferRole::Weights { slice: 0, slices: 1, frees: Some(0) };
    });
    check("does not wait for its buffer", |plan| {
        let id = slice(plan);
        let TransferRole::Weights { frees, .. } = &mut plan.transfers[id].role else { return };
        *frees = None;
    });
    check("of its weights", |plan| {
        let id = slice(plan);
        plan.transfers[id].bytes = plan.transfers[id].bytes - Bytes(1);
    });
    check("does not come from where the weights are", |plan| {
        let step = plan.transfers[slice(plan)].step;
        for one in plan.constants.iter_mut().filter(|one| one.step == step) {
            one.memory = None;
        }
    });
    check("fills no staging buffer", |plan| {
        let id = slice(plan);
        let waiting = plan.transfers[back(plan)].target;
        plan.transfers[id].target = waiting;
    });
}
