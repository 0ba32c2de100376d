//! Groups that run by channels.

use cofit_ir::{Padding, Verified};
use cofit_stream::{
    Breach, Cost, Effort, Group, Network, Pieces, Schedule, StageId, Storage, verify,
};
use cofit_vocab::ElementType;
use proptest::prelude::*;

use crate::chains::Chain;
use crate::execution::Reference;
use crate::planned::run_fronts_by;

/// Constants first, which leaves layers at once and groups by channels.
const fn by_constants(_: StageId, effort: Effort) -> Cost {
    (effort.constant_bytes, effort.macs, effort.calls)
}

/// A block that expands, works channel by channel, and projects, between other stages.
#[derive(Clone, Debug)]
struct Block {
    map: (u32, u32, u32),
    wide: u32,
    kernel: u32,
    stride: u32,
    middle: Vec<u8>,
    narrow: u32,
    is_first: bool,
    is_last: bool,
}

impl Block {
    fn model(&self, by_channel: bool) -> Verified {
        let (rows, columns, channels) = self.map;
        let mut chain = Chain::new(ElementType::Int8, rows, columns, channels);
        chain.by_channel = by_channel;
        if !self.is_first {
            chain.relu();
        }
        chain.conv(self.wide, [self.kernel, self.kernel], self.stride, Padding::Same);
        for step in &self.middle {
            match step {
                0 => chain.depthwise([3, 3], 1, 1),
                1 => chain.depthwise([2, 3], 2, 1),
                2 => chain.relu(),
                3 => chain.pool(true, 2, 1, Padding::Same),
                4 => chain.pool(false, 2, 1, Padding::Same),
                // The last row and column of an odd map are not read.
                5 => chain.pool(true, 2, 2, Padding::Valid),
                _ => chain.pad([1, 0, 2, 1]),
            }
        }
        chain.conv(self.narrow, [1, 1], 1, Padding::Same);
        if !self.is_last {
            chain.depthwise([3, 3], 1, 1);
        }
        chain.finish(&[])
    }
}

fn blocks() -> impl Strategy<Value = Block> {
    let middle = proptest::collection::vec(0..7_u8, 0..4);
    (
        (2..8_u32, 2..8_u32, 1..5_u32),
        2..40_u32,
        1..4_u32,
        1..3_u32,
        middle,
        1..5_u32,
        any::<(bool, bool)>(),
    )
        .prop_map(|(map, wide, kernel, stride, middle, narrow, (is_first, is_last))| Block {
            map,
            wide,
            kernel,
            stride,
            middle,
            narrow,
            is_first,
            is_last,
        })
}

fn is_by_channels(group: &Group) -> bool {
    matches!(group.pieces, Pieces::Channels(_))
}

fn schedules(model: &Verified) -> Vec<Schedule> {
    run_fronts_by(model, &by_constants)
        .unwrap_or_else(|found| panic!("{found}\n{}", **model.model()))
}

/// A block that is wide enough for the sums to be less than what lies between.
fn wide() -> Block {
    Block {
        map: (6, 5, 3),
        wide: 37,
        kernel: 3,
        stride: 1,
        middle: vec![0, 2],
        narrow: 4,
        is_first: true,
        is_last: false,
    }
}

#[test]
fn a_wide_block_runs_by_channels() {
    for by_channel in [false, true] {
        let schedules = schedules(&wide().model(by_channel));
        let most =
            schedules.iter().flat_map(|it| &it.groups).filter(|it| is_by_channels(it)).count();
        assert!(most > 0, "no group by channels in {} schedules", schedules.len());
    }
}

/// Sums that lie where slices come are found by who verifies and by who executes.
#[test]
fn sums_under_a_slice_are_found() {
    let model = wide().model(true);
    let network = Network::of(model.main_graph());
    let reference = Reference::of(&model).expect("a model that runs");
    let mut harmed = 0;
    for schedule in schedules(&model) {
        for group in schedule.groups.iter().filter(|it| is_by_channels(it)) {
            let inner = network.stages[group.first].writes[0];
            let Storage::Arena { start, .. } = schedule.values[inner] else { continue };
            let mut schedule = schedule.clone();
            if let Storage::Arena { start: sums, .. } = &mut schedule.sums[group.last] {
                *sums = start / 4 * 4;
            }
            assert!(matches!(
                verify(&network, &schedule),
                Err(Breach::Sums(_) | Breach::Missing { .. })
            ));
            let found = reference.check(&network, &schedule).expect_err("a lost byte");
            assert!(found.contains("CF-EXE-007"), "{found}");
            harmed += 1;
        }
    }
    assert!(harmed > 0);
}

/// A result that begins above its sums runs into those still to come.
#[test]
fn results_above_their_sums_are_found() {
    let model = wide().model(true);
    let network = Network::of(model.main_graph());
    let reference = Reference::of(&model).expect("a model that runs");
    let mut harmed = 0;
    for schedule in schedules(&model) {
        for group in schedule.groups.iter().filter(|it| is_by_channels(it)) {
            let result = network.stages[group.last].writes[0];
            let Storage::Arena { start: sums, .. } = schedule.sums[group.last] else { continue };
            let mut schedule = schedule.clone();
            if let Storage::Arena { start, .. } = &mut schedule.values[result] {
                *start = sums + 8;
            }
            assert_eq!(verify(&network, &schedule), Err(Breach::Sums(group.last)));
            assert!(reference.check(&network, &schedule).is_err());
            harmed += 1;
        }
    }
    assert!(harmed > 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn blocks_are_the_same_by_channels(block in blocks(), by_channel in any::<bool>()) {
        let model = block.model(by_channel);
        if let Err(found) = run_fronts_by(&model, &by_constants) {
            prop_assert!(false, "{found}\n{}", **model.model());
        }
    }
}
