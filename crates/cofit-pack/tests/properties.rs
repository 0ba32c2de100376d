//! What holds for every problem, checked on random small ones against an oracle that shares
//! nothing with the solver.

use cofit_pack::{
    Budget, Buffer, Decision, Fault, PackError, Problem, Proof, Solution, Standing, Witness,
    certificate, check, csv, decide, minimise, solve_minimise, verify,
};
use proptest::prelude::*;

fn live(buffer: &Buffer, instant: u64) -> bool {
    buffer.size > 0
        && buffer.lower <= instant
        && instant < buffer.upper
        && !buffer.gaps.iter().any(|&(lo, hi)| lo <= instant && instant < hi)
}

/// Instants of the random problems.
const INSTANTS: u64 = 8;

fn meet(a: &Buffer, b: &Buffer) -> bool {
    (0..INSTANTS).any(|instant| live(a, instant) && live(b, instant))
}

/// The least height, by dropping the buffers onto each other in every order. Any layout sorted by
/// offset is such an order, and dropping does not lift any buffer above its place in it.
fn least_height(buffers: &[&Buffer], placed: &mut Vec<(usize, u64)>) -> Option<u64> {
    if placed.len() == buffers.len() {
        return placed.iter().map(|&(i, at)| at + buffers[i].size).max().or(Some(0));
    }
    let mut best = None;
    for i in 0..buffers.len() {
        if placed.iter().any(|&(j, _)| i == j) {
            continue;
        }
        let floor = placed
            .iter()
            .filter(|&&(j, _)| meet(buffers[i], buffers[j]))
            .map(|&(j, at)| at + buffers[j].size)
            .max()
            .unwrap_or(0);
        let at = match buffers[i].fixed {
            Some(fixed) if fixed < floor => continue,
            Some(fixed) => fixed,
            None => floor.next_multiple_of(buffers[i].alignment.max(1)),
        };
        placed.push((i, at));
        let height = least_height(buffers, placed);
        placed.pop();
        best = [best, height].into_iter().flatten().min();
    }
    best
}

/// The least height of a problem, or nothing if its fixed buffers collide.
fn oracle(problem: &Problem) -> Option<u64> {
    let relevant: Vec<&Buffer> = problem
        .buffers
        .iter()
        .filter(|buffer| (0..INSTANTS).any(|instant| live(buffer, instant)))
        .collect();
    least_height(&relevant, &mut Vec::new())
}

fn buffers(
    count: usize,
    fixed: impl Strategy<Value = Option<u64>> + Clone,
    alignment: impl Strategy<Value = u64> + Clone,
    gaps: usize,
) -> impl Strategy<Value = Problem> {
    let gap = (0..INSTANTS, 0..INSTANTS);
    let buffer = (
        (0..INSTANTS, 0..=INSTANTS, 0..20u64),
        alignment,
        fixed,
        prop::collection::vec(gap, 0..=gaps),
    );
    prop::collection::vec(buffer, 0..=count).prop_map(|list| {
        let buffers = list
            .into_iter()
            .map(|((lower, upper, size), alignment, fixed, gaps)| Buffer {
                lower,
                upper,
                size,
                alignment,
                fixed: fixed.map(|offset| offset * alignment.max(1)),
                gaps,
            })
            .collect();
        Problem { buffers, capacity: None }
    })
}

fn free() -> impl Strategy<Value = Option<u64>> + Clone {
    Just(None)
}

fn mostly_free() -> impl Strategy<Value = Option<u64>> + Clone {
    prop_oneof![5 => Just(None), 1 => (0..6u64).prop_map(Some)]
}

fn unaligned() -> impl Strategy<Value = u64> + Clone {
    Just(1)
}

fn aligned() -> impl Strategy<Value = u64> + Clone {
    prop::sample::select(vec![0, 1, 2, 3, 4, 8])
}

/// Checks a problem small enough for the oracle from every side.
#[track_caller]
fn check_exact(problem: &Problem) {
    let Some(least) = oracle(problem) else {
        let found = solve_minimise(problem, Budget::STANDARD);
        assert!(matches!(found, Err(PackError::FixedCollision { .. })), "{found:?}");
        return;
    };
    let solution = solve_minimise(problem, Budget::STANDARD).expect("a layout exists");
    assert_eq!(verify(problem, &solution), Ok(()));
    assert_eq!(solution.height, least);
    assert!(solution.proven_optimal);
    assert!(certificate(problem).expect("a layout exists").bound <= least);
    check_proof(problem, least);
    match decide(problem, least, Budget::STANDARD) {
        Ok(Decision::Fits(it)) => {
            assert_eq!(verify(&Problem { capacity: Some(least), ..problem.clone() }, &it), Ok(()));
        }
        other => panic!("a layout of {least} exists, but {other:?}"),
    }
    if let Some(less) = least.checked_sub(1) {
        match decide(problem, less, Budget::STANDARD) {
            Ok(Decision::Exhausted { buffers, .. }) => {
                let chosen = buffers.iter().map(|&i| problem.buffers[i].clone()).collect();
                let part = Problem { buffers: chosen, capacity: None };
                assert!(oracle(&part).is_some_and(|least| least > less), "{buffers:?}");
            }
            Ok(Decision::ExceedsBound(it)) => {
                assert!(it.bound > less);
                check_proof(problem, least);
            }
            other => panic!("no layout of {less} exists, but {other:?}"),
        }
    }
}

/// The proof holds, its witness alone needs as much as is claimed, and the layouts on the way to
/// it are layouts, each lower than the one before.
#[track_caller]
fn check_proof(problem: &Problem, least: u64) {
    let mut heights = Vec::new();
    let proof = minimise(problem, Budget::STANDARD, &mut |incumbent| {
        let layout = Solution {
            offsets: incumbent.offsets.to_vec(),
            height: incumbent.height,
            lower_bound: incumbent.lower_bound.min(incumbent.height),
            proven_optimal: incumbent.lower_bound >= incumbent.height,
            nodes: incumbent.nodes,
        };
        assert_eq!(verify(problem, &layout), Ok(()));
        heights.push(incumbent.height);
    })
    .expect("a layout exists");
    assert!(heights.is_sorted_by(|a, b| a > b), "{heights:?}");
    assert_eq!(heights.last(), Some(&proof.solution.height));
    let standing = check(problem, &proof);
    let searched = matches!(proof.witness, Witness::Exhausted { .. });
    assert_eq!(standing, Ok(if searched { Standing::Searched } else { Standing::Computed }));
    let part = oracle(&proof.subproblem(problem)).expect("the whole has a layout");
    assert!(proof.solution.lower_bound <= part && part <= least, "{proof:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn exact_on_plain_problems(problem in buffers(6, free(), unaligned(), 0)) {
        check_exact(&problem);
    }

    #[test]
    fn exact_with_alignment_and_gaps(problem in buffers(6, free(), aligned(), 2)) {
        check_exact(&problem);
    }

    #[test]
    fn exact_with_fixed_offsets(problem in buffers(5, mostly_free(), aligned(), 1)) {
        check_exact(&problem);
    }

    #[test]
    fn layouts_are_valid_at_any_budget(
        problem in buffers(40, free(), aligned(), 2),
        nodes in 0..300u64,
    ) {
        let solution = solve_minimise(&problem, Budget { nodes }).expect("nothing is fixed");
        prop_assert_eq!(verify(&problem, &solution), Ok(()));
        prop_assert!(solution.nodes <= nodes);
        prop_assert!(solution.lower_bound >= certificate(&problem).expect("as above").bound);
        prop_assert_eq!(solve_minimise(&problem, Budget { nodes }), Ok(solution));
    }

    #[test]
    fn csv_round_trips(problem in buffers(8, mostly_free(), aligned(), 2)) {
        let ids = (0..problem.buffers.len()).map(|i| format!("b{i}")).collect();
        let mut table = csv::Table { ids, problem };
        for buffer in &mut table.problem.buffers {
            buffer.upper = buffer.upper.max(buffer.lower);
            buffer.alignment = buffer.alignment.max(1);
        }
        prop_assert_eq!(csv::read(&csv::write(&table, None)), Ok(table));
    }

    #[test]
    fn csv_survives_anything(text in "[idlowerupsze,0-9@ :\n-]{0,60}") {
        let _ = csv::read(&text);
        let _ = csv::read(&format!("id,lower,upper,size,gaps,offset,alignment\n{text}"));
    }

    #[test]
    fn extreme_numbers_do_no_harm(
        list in prop::collection::vec(
            (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<Option<u64>>()), 0..8,
        ),
        shift in 0..64u32,
    ) {
        let buffers = list
            .into_iter()
            .map(|(lower, upper, size, alignment, fixed)| Buffer {
                lower,
                upper,
                size: size >> shift,
                alignment: alignment >> shift,
                fixed,
                gaps: vec![(upper, lower), (lower / 2, upper / 3)],
            })
            .collect();
        let problem = Problem { buffers, capacity: None };
        if let Ok(solution) = solve_minimise(&problem, Budget { nodes: 500 }) {
            prop_assert_eq!(verify(&problem, &solution), Ok(()));
        }
        let _ = decide(&problem, u64::MAX, Budget { nodes: 500 });
    }
}

fn solved(buffers: Vec<Buffer>) -> Solution {
    let problem = Problem { buffers, capacity: None };
    let solution = solve_minimise(&problem, Budget::STANDARD).expect("a layout exists");
    assert_eq!(verify(&problem, &solution), Ok(()));
    solution
}

#[test]
fn nothing_needs_nothing() {
    assert_eq!(solved(vec![]).height, 0);
    assert_eq!(solved(vec![Buffer::new(3, 3, 9), Buffer::new(0, 5, 0)]).height, 0);
    assert_eq!(solved(vec![Buffer::new(0, 5, 9).with_gap(0, 3).with_gap(2, 5)]).height, 0);
}

#[test]
fn a_gap_is_room_for_another() {
    let whole = vec![Buffer::new(0, 6, 10), Buffer::new(2, 4, 10)];
    assert_eq!(solved(whole).height, 20);
    let gapped = vec![Buffer::new(0, 6, 10).with_gap(2, 4), Buffer::new(2, 4, 10)];
    assert_eq!(solved(gapped).height, 10);
}

#[test]
fn the_top_needs_no_padding() {
    let buffers = vec![Buffer::new(0, 1, 17).aligned(16), Buffer::new(0, 1, 30).aligned(16)];
    let solution = solved(buffers);
    // 30 takes 32, then 17 follows; the other order would end at 32 + 30.
    assert_eq!((solution.height, solution.proven_optimal), (49, true));
}

#[test]
fn sizes_up_to_the_end_of_the_address_range() {
    assert_eq!(solved(vec![Buffer::new(0, 1, u64::MAX)]).height, u64::MAX);
    let problem = Problem {
        buffers: vec![Buffer::new(0, 1, u64::MAX), Buffer::new(0, 1, 1)],
        capacity: None,
    };
    let found = solve_minimise(&problem, Budget::STANDARD);
    assert_eq!(found, Err(PackError::AddressRange { buffer: 1 }));
}

#[test]
fn fixed_buffers_that_contradict() {
    let problem = |buffers| Problem { buffers, capacity: None };
    let collision = problem(vec![Buffer::new(0, 2, 8).at(0), Buffer::new(1, 3, 8).at(4)]);
    assert_eq!(
        solve_minimise(&collision, Budget::STANDARD),
        Err(PackError::FixedCollision { first: 0, second: 1 })
    );
    let crooked = problem(vec![Buffer::new(0, 2, 8).aligned(16).at(8)]);
    assert_eq!(
        solve_minimise(&crooked, Budget::STANDARD),
        Err(PackError::FixedMisaligned { buffer: 0 })
    );
}

#[test]
fn the_verifier_finds_each_fault() {
    use cofit_pack::Overlap;
    let problem = Problem {
        buffers: vec![
            Buffer::new(0, 2, 8),
            Buffer::new(1, 3, 8).aligned(8),
            Buffer::new(3, 4, 8).at(8),
        ],
        capacity: Some(16),
    };
    let check = |offsets: &[u64], height: u64, expected: Result<(), Overlap>| {
        let solution = Solution {
            offsets: offsets.to_vec(),
            height,
            lower_bound: 16,
            proven_optimal: height == 16,
            nodes: 0,
        };
        assert_eq!(verify(&problem, &solution), expected);
    };
    check(&[0, 8, 8], 16, Ok(()));
    check(&[8, 0, 8], 16, Ok(()));
    check(&[0, 8], 16, Err(Overlap::Count { offsets: 2, buffers: 3 }));
    check(&[1, 8, 8], 16, Err(Overlap::Bytes { first: 0, second: 1 }));
    check(&[0, 9, 8], 24, Err(Overlap::Alignment { buffer: 1 }));
    check(&[0, 8, 0], 16, Err(Overlap::Fixed { buffer: 2 }));
    check(&[0, 16, 8], 24, Err(Overlap::Limit { buffer: 1, limit: 16 }));
    check(&[0, 8, 8], 15, Err(Overlap::Claim));
}

#[test]
fn the_checker_finds_each_fault() {
    let problem = Problem {
        buffers: vec![Buffer::new(0, 2, 8), Buffer::new(1, 3, 8).aligned(4), Buffer::new(3, 4, 8)],
        capacity: None,
    };
    let good = minimise(&problem, Budget::STANDARD, &mut |_| ()).expect("nothing is fixed");
    let expect = |change: &dyn Fn(&mut Proof), expected: Result<Standing, Fault>| {
        let mut proof = good.clone();
        change(&mut proof);
        assert_eq!(check(&problem, &proof), expected, "{proof:?}");
    };
    let at = |instant, buffers: &[usize]| Witness::Instant { instant, buffers: buffers.to_vec() };
    expect(&|_| (), Ok(Standing::Computed));
    expect(&|proof| proof.witness = at(1, &[0]), Err(Fault::Bound { claimed: 16, shown: 8 }));
    expect(&|proof| proof.witness = at(1, &[0, 1, 2]), Err(Fault::Buffer { buffer: 2 }));
    expect(&|proof| proof.witness = at(1, &[1, 1]), Err(Fault::Buffer { buffer: 1 }));
    expect(&|proof| proof.witness = at(1, &[0, 3]), Err(Fault::Buffer { buffer: 3 }));
    let fixed = Witness::Fixed { buffer: 0 };
    expect(&|proof| proof.witness = fixed.clone(), Err(Fault::Buffer { buffer: 0 }));
    let searched = |height| Witness::Exhausted { buffers: vec![0, 1], height, nodes: 3 };
    expect(&|proof| proof.witness = searched(15), Ok(Standing::Searched));
    let short = Fault::Bound { claimed: 16, shown: 15 };
    expect(&|proof| proof.witness = searched(14), Err(short));
    let higher = |proof: &mut Proof| {
        proof.solution.height = 20;
        proof.solution.proven_optimal = false;
    };
    expect(&higher, Err(Fault::Height { claimed: 20, found: 16 }));
    let overlap = cofit_pack::Overlap::Bytes { first: 0, second: 1 };
    expect(&|proof| proof.solution.offsets = vec![0, 0, 0], Err(Fault::Layout(overlap)));
}

/// Parts too large for the exact search, or even for lists of conflicts, still get a layout.
#[test]
fn large_parts_get_a_layout() {
    for (count, life) in [(3000, 60), (6000, 5000)] {
        let buffers: Vec<Buffer> = (0..count)
            .map(|i| Buffer::new(i, i + life + i * 37 % 11, 1 + i * 7919 % 1000))
            .collect();
        let solution = solved(buffers);
        assert!(solution.height < 2 * solution.lower_bound);
    }
}
