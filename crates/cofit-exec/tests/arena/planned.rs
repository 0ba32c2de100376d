//! Schedules that the planner makes.

use cofit_ir::{TensorId, Verified};
use cofit_stream::{Network, Question, Side, by_macs, front};
use cofit_vocab::ElementType;
use proptest::prelude::*;

use crate::chains::{Chain, Instruction, block, grow};
use crate::execution::Reference;

/// Every question that a front can be asked.
pub fn questions() -> impl Iterator<Item = Question> {
    let sides = [Side::Arena, Side::Outside];
    let pairs = sides.into_iter().flat_map(move |inputs| sides.map(|outputs| (inputs, outputs)));
    pairs.flat_map(|(inputs, outputs)| {
        [false, true].map(|may_recompute| Question { inputs, outputs, may_recompute })
    })
}

/// Runs all points of all fronts of a model; says which one differs, and how.
fn run_fronts(model: &Verified) -> Result<usize, String> {
    let reference = Reference::of(model).ok_or("the model does not run")?;
    let graph = model.main_graph();
    let network = Network::of(graph);
    let mut points = 0;
    for question in questions() {
        for point in front(graph, &network, question, &by_macs).points {
            let arena = point.schedule.arena;
            let account = reference
                .check(&network, &point.schedule)
                .map_err(|found| format!("{question:?}, {arena}: {found}"))?;
            let (effort, macs) = (point.effort(), account.total_macs().get());
            if (effort.calls, effort.constant_bytes)
                != (account.pieces, account.constant_bytes.get())
            {
                return Err(format!("{question:?}, {arena}: {effort:?} of {account:?}"));
            }
            if effort.macs != macs {
                return Err(format!("{question:?}, {arena}: {macs} done, {}", effort.macs));
            }
            points += 1;
        }
    }
    Ok(points)
}

#[test]
fn fronts_of_a_block_run() {
    for element in [ElementType::Int8, ElementType::Int16, ElementType::Float32] {
        let points = run_fronts(&block(element)).unwrap_or_else(|found| panic!("{found}"));
        assert!(points >= 8, "{points} points of eight fronts");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fronts_of_random_chains_run(
        size in (3_u32..9, 3_u32..9),
        steps in proptest::collection::vec(any::<Instruction>(), 1..9),
        is_float in any::<bool>(),
        second in any::<u8>(),
    ) {
        let element = if is_float { ElementType::Float32 } else { ElementType::Int8 };
        let mut chain = Chain::new(element, size.0, size.1, 2);
        for step in steps {
            grow(&mut chain, step);
        }
        let computed: Vec<TensorId> = chain.maps[1..].to_vec();
        prop_assume!(!computed.is_empty());
        let others = match second % 3 {
            0 => &computed[usize::from(second) % computed.len()..][..1],
            _ => &[],
        };
        let model = chain.finish(others);
        if let Err(found) = run_fronts(&model) {
            prop_assert!(false, "{found}\n{}", **model.model());
        }
    }
}
