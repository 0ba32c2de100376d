//! Schedules that the planner makes.

use cofit_ir::Verified;
use cofit_stream::{
    Network, Question, Schedule, Side, Storage, ValueId, Weigh, by_macs, front, verify,
};
use cofit_vocab::{Bytes, ElementType};
use proptest::prelude::*;

use crate::chains::{block, random_chain};
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
    Ok(run_fronts_by(model, &by_macs)?.len())
}

/// The same with another weight of work; returns the schedules.
pub fn run_fronts_by(model: &Verified, weigh: &Weigh<'_>) -> Result<Vec<Schedule>, String> {
    let reference = Reference::of(model).ok_or("the model does not run")?;
    let graph = model.main_graph();
    let network = Network::of(graph);
    let mut points = Vec::new();
    for question in questions() {
        for point in front(graph, &network, question, weigh).points {
            let arena = point.schedule.arena;
            verify(&network, &point.schedule)
                .map_err(|found| format!("{question:?}, {arena}: {found}"))?;
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
            points.push(point.schedule);
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

/// Changes an address, a capacity or the arena a little.
fn harm(network: &Network, schedule: &mut Schedule, (what, at, amount): (u8, u8, i8)) {
    let values: Vec<ValueId> = network.values.keys().collect();
    let value = values[usize::from(at) % values.len()];
    let pixel = network.values[value].pixel_bytes;
    let arena = schedule.arena.get().max(1);
    // Elements stay where they are aligned; the verifier knows no elements.
    let small = 4 * i64::from(amount % 5);
    match (what % 4, &mut schedule.values[value]) {
        (0, Storage::Arena { start, .. }) => *start = start.saturating_add_signed(small),
        (1, Storage::Arena { capacity, .. }) => {
            *capacity = capacity.saturating_sub(pixel).max(pixel)
        }
        (2, Storage::Arena { capacity, .. }) => *capacity += pixel,
        (3, _) => schedule.arena = Bytes(arena.saturating_add_signed(small).max(4)),
        (_, Storage::Nowhere | Storage::Outside) => {}
        (_, Storage::Arena { start, .. }) => *start = 4 * u64::from(at) % arena,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fronts_of_random_chains_run(model in random_chain()) {
        if let Err(found) = run_fronts(&model) {
            prop_assert!(false, "{found}\n{}", **model.model());
        }
    }

    /// The verifier knows no numbers and the execution no rules: they agree on what is sound.
    #[test]
    fn damaged_schedules_are_found_by_both(
        model in random_chain(),
        which in any::<(u8, u8)>(),
        damages in proptest::collection::vec(any::<(u8, u8, i8)>(), 1..3),
    ) {
        let reference = Reference::of(&model).expect("a model that runs");
        let graph = model.main_graph();
        let network = Network::of(graph);
        let all: Vec<Question> = questions().collect();
        let question = all[usize::from(which.0) % all.len()];
        let points = front(graph, &network, question, &by_macs).points;
        let mut schedule = points[usize::from(which.1) % points.len()].schedule.clone();
        for damage in damages {
            harm(&network, &mut schedule, damage);
        }
        let (verified, executed) =
            (verify(&network, &schedule), reference.check(&network, &schedule));
        prop_assert_eq!(
            verified.is_ok(),
            executed.is_ok(),
            "{:?}, {:?}\n{:#?}\n{}",
            verified,
            executed,
            schedule,
            **model.model()
        );
    }
}
