//! Schedules with one thing wrong are found out, each for what is wrong with it.

use std::ops::ControlFlow;

use cofit_exec::{Buffer, Network as Executed, Options, Piece, PieceObserver};
use cofit_ir::{Padding, Verified};
use cofit_stream::{Group, Network, Pieces, Schedule, StageId, Storage, Uses, ValueId};
use cofit_vocab::{Bytes, ElementType};
use cranelift_entity::EntityRef;
use expect_test::{Expect, expect};

use crate::chains::{Chain, block};
use crate::execution::Reference;
use crate::rooms::{groups, lay_out, one_by_one};

/// Two convolutions with the sum of both, and a mean.
fn small() -> Verified {
    let mut chain = Chain::new(ElementType::Int8, 6, 5, 2);
    chain.conv(3, [3, 3], 1, Padding::Same);
    chain.conv(3, [3, 3], 1, Padding::Same);
    let (a, b) = (chain.maps[1], chain.maps[2]);
    chain.add(a, b);
    chain.mean(false);
    chain.finish(&[])
}

/// Changes a schedule by rows of all stages of [`small`], and compares why it does not run.
fn check(change: impl FnOnce(&mut Schedule), expected: &Expect) {
    let model = small();
    let reference = Reference::of(&model).expect("a model that runs");
    let network = Network::of(model.main_graph());
    let mut schedule = lay_out(&network, groups(&network, 9, Pieces::Rows, 1));
    reference.check(&network, &schedule).expect("a sound schedule");
    change(&mut schedule);
    expected.assert_eq(&reference.check(&network, &schedule).expect_err("a fault"));
}

fn value(index: usize) -> ValueId {
    ValueId::new(index)
}

/// Start and capacity of a value in the arena.
fn room(schedule: &mut Schedule, index: usize) -> (&mut u64, &mut u64) {
    match &mut schedule.values[value(index)] {
        Storage::Arena { start, capacity } => (start, capacity),
        Storage::Nowhere | Storage::Outside => panic!("a value in the arena"),
    }
}

#[test]
fn a_ring_that_is_a_pixel_short_is_found() {
    check(
        |schedule| *room(schedule, 1).1 -= 3,
        &expect![
            "CF-EXE-007: `t4` needs byte 0 of `t2` at row 0, column 0 at address 64, where byte 0 of `t2` at row 2, column 4 lies (operator `t4`)"
        ],
    );
}

#[test]
fn a_value_that_runs_into_another_is_found() {
    // The ring of the first map begins one byte before the end of the input.
    check(
        |schedule| {
            let (start, capacity) = room(schedule, 0);
            let end = *start + *capacity;
            *room(schedule, 1).0 = end - 1;
        },
        &expect![
            "CF-EXE-007: `t2` needs byte 1 of `t0` at row 5, column 4 at address 59, where byte 0 of `t2` at row 3, column 0 lies (operator `t2`)"
        ],
    );
}

#[test]
fn a_value_without_a_place_is_found() {
    check(
        |schedule| schedule.values[value(1)] = Storage::Nowhere,
        &expect![
            "CF-EXE-007: `t4` needs byte 0 of `t2` at row 0, column 0, which has no place (operator `t4`)"
        ],
    );
    check(
        |schedule| schedule.values[value(1)] = Storage::Outside,
        &expect!["CF-EXE-006: a value inside the network lies outside the arena (tensor `t2`)"],
    );
}

#[test]
fn sums_that_are_written_over_are_found() {
    check(
        |schedule| {
            let start = *room(schedule, 2).0;
            schedule.sums[StageId::new(3)] = Storage::Arena { start, capacity: 12 };
        },
        &expect![
            "CF-EXE-007: `t7` needs byte 0 of the sums of `t7` at address 112, where byte 0 of `t4` at row 1, column 0 was freed (operator `t7`)"
        ],
    );
}

/// The mean is made where its sums lie, which it may not: only operators that work element by
/// element may.
#[test]
fn a_result_over_what_is_still_read_is_found() {
    check(
        |schedule| {
            let Storage::Arena { start, .. } = schedule.sums[StageId::new(3)] else { panic!() };
            *room(schedule, 4).0 = start;
        },
        &expect![
            "CF-EXE-007: `t7` needs byte 0 of the sums of `t7` at address 152, where byte 0 of `t7` at row 0, column 0 is being written (operator `t7`)"
        ],
    );
}

#[test]
fn stages_that_come_too_early_or_not_at_all_are_found() {
    let alone = |first: usize, last: usize, columns: u32| Group {
        first: StageId::new(first),
        last: StageId::new(last),
        pieces: Pieces::Rows,
        strips: std::iter::once(0..columns).collect(),
    };
    check(
        |schedule| schedule.groups = vec![alone(0, 2, 5)],
        &expect!["CF-EXE-006: a stage is in no group (operator `t7`)"],
    );
    check(
        |schedule| schedule.groups = vec![alone(1, 3, 5)],
        &expect![
            "CF-EXE-006: a group from stage1 to stage3 comes where stage0 is due (operator `t4`)"
        ],
    );
    check(
        |schedule| schedule.groups = vec![alone(0, 9, 5)],
        &expect![
            "CF-EXE-006: a group from stage0 to stage9 comes where stage0 is due (operator `t2`)"
        ],
    );
    check(
        |schedule| schedule.groups[0].strips = vec![0..2, 3..5],
        &expect!["CF-EXE-006: a strip begins at column 3 after 2 (operator `t7`)"],
    );
    check(
        |schedule| schedule.groups[0].strips = std::iter::once(0..4).collect(),
        &expect!["CF-EXE-006: the strips of a group have 4 columns of 5 (operator `t7`)"],
    );
}

#[test]
fn elements_lie_at_multiples_of_their_size() {
    let mut chain = Chain::new(ElementType::Int16, 3, 3, 1);
    chain.relu();
    let model = chain.finish(&[]);
    let reference = Reference::of(&model).expect("a model that runs");
    let network = Network::of(model.main_graph());
    let mut schedule = lay_out(&network, one_by_one(&network));
    *room(&mut schedule, 1).0 += 1;
    let found = reference.check(&network, &schedule).expect_err("a fault");
    expect![
        "CF-EXE-006: elements of 2 bytes lie at address 25 in a room of 18 in 48 B (tensor `t1`)"
    ]
    .assert_eq(&found);
}

/// A strip computes columns at its borders anew, but pixels that are summed count once.
#[test]
fn strips_repeat_no_sums() {
    let mut chain = Chain::new(ElementType::Int8, 4, 4, 2);
    chain.mean(true);
    chain.pad([0, 0, 0, 1]);
    let model = chain.finish(&[]);
    let reference = Reference::of(&model).expect("a model that runs");
    let network = Network::of(model.main_graph());
    let mut schedule = lay_out(&network, groups(&network, 2, Pieces::Rows, 1));
    reference.check(&network, &schedule).expect("a sound schedule");
    schedule.groups[0].strips = vec![0..1, 1..2];
    let found = reference.check(&network, &schedule).expect_err("a fault");
    expect!["CF-EXE-006: a group of several strips would run it once a strip (operator `t2`)"]
        .assert_eq(&found);
}

#[test]
fn an_arena_of_any_size_ends_in_a_message() {
    check(
        |schedule| schedule.arena = Bytes(0),
        &expect![
            "CF-EXE-007: `t2` needs byte 0 of `t0` at row 0, column 0, which has no place (operator `t2`)"
        ],
    );
    check(
        |schedule| schedule.arena = Bytes(u64::MAX),
        &expect![
            "CF-EXE-004: an arena of 18,446,744,073,709,551,615 B with a tag for every byte takes more than 4,294,967,296 B"
        ],
    );
    check(
        |schedule| {
            let (start, capacity) = room(schedule, 1);
            (*start, *capacity) = (u64::MAX, u64::MAX);
        },
        &expect![
            "CF-EXE-007: `t2` needs byte 1 of `t0` at row 1, column 2 at address 15, where byte 0 of `t2` at row 0, column 0 is being written (operator `t2`)"
        ],
    );
}

#[test]
fn a_schedule_of_another_graph_is_refused() {
    let (model, other) = (small(), block(ElementType::Int8));
    let reference = Reference::of(&model).expect("a model that runs");
    let network = Network::of(other.main_graph());
    let schedule = lay_out(&network, one_by_one(&network));
    let found = reference.check(&network, &schedule).expect_err("a fault");
    expect!["CF-EXE-006: stage4 is no operator of the main graph, or one that came before"]
        .assert_eq(&found);
    let mut network = Network::of(model.main_graph());
    network.values[value(1)].pixel_bytes += 1;
    let schedule = lay_out(&network, one_by_one(&network));
    let found = reference.check(&network, &schedule).expect_err("a fault");
    expect!["CF-EXE-006: its stages and values are not those of the main graph"].assert_eq(&found);
}

/// A sum may be written over the operand that dies with it as long as it does not overtake it.
#[test]
fn results_in_place_trail_their_operands() {
    let mut chain = Chain::new(ElementType::Int16, 4, 5, 3);
    chain.conv(3, [3, 3], 1, Padding::Same);
    chain.relu();
    let model = chain.finish(&[]);
    let reference = Reference::of(&model).expect("a model that runs");
    let network = Network::of(model.main_graph());
    let run = |pieces: Pieces, shift: i64| {
        let mut schedule = lay_out(&network, groups(&network, 1, pieces, 1));
        let start = *room(&mut schedule, 1).0;
        *room(&mut schedule, 2).0 = start.wrapping_add_signed(shift);
        reference.check(&network, &schedule).map(|_| ())
    };
    for pieces in [Pieces::Whole, Pieces::Rows, Pieces::Pixels(1)] {
        for below in [0, -2, -6] {
            assert_eq!(run(pieces, below), Ok(()), "{} {below}", pieces.name());
        }
    }
    let above = |pieces| run(pieces, 6).expect_err("a fault");
    expect!["CF-EXE-007: `t3` needs byte 0 of `t2` at row 0, column 1 at address 126, where byte 0 of `t3` at row 0, column 0 is being written (operator `t3`)"].assert_eq(&above(Pieces::Rows));
    // Pixel by pixel, the next pixel is overwritten before it is read.
    expect!["CF-EXE-007: `t3` needs byte 0 of `t2` at row 0, column 1 at address 126, where byte 0 of `t3` at row 0, column 0 lies (operator `t3`)"].assert_eq(&above(Pieces::Pixels(1)));
}

/// Rings are as large as they need to be: none can spare a pixel.
#[test]
fn no_ring_can_spare_a_pixel() {
    let model = block(ElementType::Int8);
    let reference = Reference::of(&model).expect("a model that runs");
    let network = Network::of(model.main_graph());
    let uses = Uses::of(&network);
    for pieces in [Pieces::Rows, Pieces::Pixels(1)] {
        let sound = lay_out(&network, groups(&network, 20, pieces, 1));
        reference.check(&network, &sound).expect("a sound schedule");
        let group = &sound.groups[0];
        for (id, it) in &network.values {
            let is_ring = uses.is_internal(&network, id, group.first, group.last);
            let Storage::Arena { start, capacity } = sound.values[id] else { continue };
            if !is_ring || capacity <= it.pixel_bytes {
                continue;
            }
            let mut short = sound.clone();
            let capacity = capacity - it.pixel_bytes;
            short.values[id] = Storage::Arena { start, capacity };
            let found = reference.check(&network, &short);
            let found = found.expect_err(&format!("{id} lives in a ring that is a pixel short"));
            assert!(found.starts_with("CF-EXE-007"), "{id}: {found}");
        }
    }
}

/// What a piece reads that was overwritten with the same numbers is found all the same.
#[test]
fn right_numbers_at_a_wrong_place_do_not_pass() {
    let model = small();
    let executed = Executed::prepare(&model, &Options::default()).expect("a model that runs");
    let network = Network::of(model.main_graph());
    let mut schedule = lay_out(&network, groups(&network, 1, Pieces::Rows, 1));
    // The first map's weights see nothing: all of its pixels are the same.
    *room(&mut schedule, 1).1 = 15;
    let inputs = [Buffer::I8(vec![-3; 60])];
    let found = executed
        .run_in_arena(&mut executed.state(), &inputs, &network, &schedule, &mut ())
        .expect_err("a fault");
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    expect!["CF-EXE-007: `t4` needs byte 0 of `t2` at row 0, column 0 at address 64, where byte 0 of `t2` at row 5, column 0 lies (operator `t4`)"].assert_eq(&found.join("\n"));
}

/// The observer may end a run.
#[test]
fn a_run_ends_when_it_is_told_to() {
    struct Three(u32);
    impl PieceObserver for Three {
        fn piece(&mut self, _: &Piece<'_>) -> ControlFlow<()> {
            self.0 += 1;
            if self.0 == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    let model = small();
    let executed = Executed::prepare(&model, &Options::default()).expect("a model that runs");
    let network = Network::of(model.main_graph());
    let schedule = lay_out(&network, groups(&network, 9, Pieces::Rows, 1));
    let mut three = Three(0);
    let inputs = [Buffer::I8(vec![1; 60])];
    let done =
        executed.run_in_arena(&mut executed.state(), &inputs, &network, &schedule, &mut three);
    assert_eq!((done.map(|done| done.is_none()), three.0), (Ok(true), 3));
}
