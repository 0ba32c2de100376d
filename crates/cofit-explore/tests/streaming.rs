//! What streaming below the tensor costs on a chip.

use cofit_chip::{Card, Chip, Selection};
use cofit_compile::compile;
use cofit_compile::plan::Plan;
use cofit_explore::StreamingFront;
use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_ir::Verified;
use cofit_sim::Cause;
use cofit_sim::streaming::{PieceCosts, Share};
use cofit_stream::{Pieces, Question, Side};
use cofit_vocab::{Cycles, Macs};

/// A block whose wide maps may run by channels.
const BLOCK: &str = "sketch = 1\ninput = [8, 8, 16]\n\
     [[layer]]\nconv = 96\nkernel = 1\n\
     [[layer]]\ndepthwise = 1\nkernel = 3\n\
     [[layer]]\nconv = 16\nkernel = 1\n";

/// The block on a chip that waits for its weights.
fn block() -> (Plan, Chip) {
    let options = SketchOptions { parameters: Vec::new(), weights: Weights::Absent };
    let model = expand(BLOCK, "block.toml", &options).expect("a valid sketch");
    let card = Card::from_catalogue("imxrt1170").expect("in the catalogue").expect("a valid card");
    let chip = card.resolve(&Selection::default()).expect("a valid card");
    let model = Verified::new(model).expect("a valid model");
    let plan = compile(&model, &chip, &mut ()).plan;
    (plan, chip)
}

#[test]
fn weights_cost_by_reads_and_calls_by_calls() {
    let (plan, chip) = block();
    let costs = PieceCosts::of(&plan, &chip).expect("a processor");
    for step in plan.steps.keys() {
        let cost = |calls: u64, weight_reads: u64| {
            let share = Share { macs: Macs(1000), pixels: 64, all_pixels: 64, calls, weight_reads };
            costs.cost(step, share, None)
        };
        let fetch = |calls, reads| cost(calls, reads).get(Cause::WeightFetch);
        assert!(fetch(1, 1) > Cycles::ZERO);
        assert_eq!(fetch(8, 1), fetch(1, 1), "calls that share the weights out read them once");
        assert!(fetch(8, 8) >= Cycles(7 * fetch(1, 1).get()));
        assert!(cost(8, 1).sum() > cost(1, 1).sum());
    }
}

/// By channels a block costs less time than by rows, and what a front says is what its stages cost.
#[test]
fn channels_are_charged_with_their_weights_once() {
    let (plan, chip) = block();
    let question = Question { inputs: Side::Outside, outputs: Side::Arena, may_recompute: false };
    let front = StreamingFront::of(&plan, &chip, question).expect("sound schedules");
    let by_channels = |pieces: Pieces| matches!(pieces, Pieces::Channels(_));
    let found = front
        .points
        .iter()
        .find(|it| it.point.schedule.groups.iter().any(|group| by_channels(group.pieces)));
    let found = found.expect("a way by channels");
    let constants = front.network.stages.values().map(|stage| stage.constant_bytes).sum::<u64>();
    assert_eq!(found.point.effort().constant_bytes, constants);
    assert!(found.point.effort().calls > front.whole.calls);
    let costs = PieceCosts::of(&plan, &chip).expect("a processor");
    let mut sum = costs.per_inference();
    for (id, stage) in &front.network.stages {
        let effort = found.point.efforts[id];
        let step = plan.steps.iter().find(|(_, step)| step.main == stage.operator);
        let share = Share {
            macs: Macs(effort.macs),
            pixels: effort.iterations,
            all_pixels: stage.grid.area(),
            calls: effort.calls,
            weight_reads: 1,
        };
        sum += costs.cost(step.expect("a step").0, share, found.memory).sum();
    }
    assert_eq!(found.cycles, Some(sum));
}
