//! Problems of tens of thousands of buffers.

use cofit_pack::{Budget, Buffer, Problem, check, minimise, training};

/// The height of the plainest rule, larger first and each as low as it goes. Shares nothing with
/// the solver.
fn by_size(problem: &Problem) -> u64 {
    let mut order: Vec<&Buffer> = problem.buffers.iter().collect();
    order.sort_by_key(|buffer| std::cmp::Reverse(buffer.size));
    let mut placed: Vec<(u64, u64, &Buffer)> = Vec::new();
    for buffer in order {
        let mut at = 0;
        for &(from, to, other) in &placed {
            if other.lower < buffer.upper && buffer.lower < other.upper {
                if at + buffer.size <= from {
                    break;
                }
                at = at.max(to);
            }
        }
        let slot = placed.partition_point(|&(from, _, _)| from < at);
        placed.insert(slot, (at, at + buffer.size, buffer));
    }
    placed.iter().map(|&(_, to, _)| to).max().unwrap_or(0)
}

/// A training step of 18,692 buffers, the size of the largest public problem (pangu 2.6B in
/// cappadokes/idealloc). By size alone it ends more than 3 % above the bound.
#[test]
fn a_large_training_step() {
    let problem = training::problem(18_692, 1);
    let proof = minimise(&problem, Budget::STANDARD, &mut |_| ()).expect("nothing is fixed");
    check(&problem, &proof).expect("the layout is sound");
    let (height, bound) = (proof.solution.height, proof.solution.lower_bound);
    let plain = by_size(&problem);
    assert!((plain - bound) * 100 > 3 * bound, "{plain} bytes by size against {bound}");
    assert!((height - bound) * 4 < (plain - bound) * 3, "{height} bytes against {plain}, {bound}");
}

/// More buffers than any public problem has, some with gaps and alignments, still get a layout.
#[test]
fn sixty_thousand_buffers() {
    let mut problem = training::problem(62_185, 2);
    for buffer in problem.buffers.iter_mut().step_by(3) {
        buffer.alignment = 1024;
        buffer.gaps.push((buffer.lower + 1, buffer.lower + 2));
    }
    let proof = minimise(&problem, Budget::HEURISTIC, &mut |_| ()).expect("nothing is fixed");
    check(&problem, &proof).expect("the layout is sound");
}
