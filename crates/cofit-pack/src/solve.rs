//! Putting it together: bounds and first fit on every part, the exact search where they disagree.

use crate::bound::{Certificate, part_bound};
use crate::draft::{Draft, QUICK, Scratch, THOROUGH, draft};
use crate::improve::{Exhausted, improve};
use crate::instance::Instance;
use crate::problem::{Budget, Decision, PackError, Problem, Solution};
use crate::proof::{Incumbent, Proof, Witness};
use crate::race::Race;
use crate::search::Outcome;

/// Finds a low layout and a lower bound: [`minimise`] without the witness.
///
/// # Errors
///
/// [`PackError`] where no layout exists at any height. [`Problem::capacity`] is not looked at.
///
/// ```
/// use cofit_pack::{Budget, Buffer, Problem, solve_minimise};
/// let buffers = vec![Buffer::new(0, 2, 10), Buffer::new(1, 3, 20), Buffer::new(2, 4, 10)];
/// let problem = Problem { buffers, capacity: None };
/// let solution = solve_minimise(&problem, Budget::STANDARD)?;
/// assert_eq!(solution.height, 30);
/// assert!(solution.proven_optimal);
/// # Ok::<(), cofit_pack::PackError>(())
/// ```
pub fn solve_minimise(problem: &Problem, budget: Budget) -> Result<Solution, PackError> {
    minimise(problem, budget, &mut |_| ()).map(|proof| proof.solution)
}

/// Finds a low layout, a lower bound, and what shows the bound.
///
/// Parts that share no instant are solved independently. Each is first placed by rule; parts that
/// end above the bound of the whole problem are then searched exactly, until their bound is
/// reached, a lower layout is refuted, or the budget is spent. The layout in hand is always
/// valid: `incumbent` is called with the first and with every lower one.
///
/// # Errors
///
/// [`PackError`] where no layout exists at any height. [`Problem::capacity`] is not looked at.
pub fn minimise(
    problem: &Problem,
    budget: Budget,
    incumbent: &mut dyn FnMut(&Incumbent<'_>),
) -> Result<Proof, PackError> {
    let instance = Instance::new(problem)?;
    let (live, bounds) = bounds(&instance)?;
    let mut bound = live.bound;
    let mut scratch = Scratch::default();
    let mut drafts = Vec::with_capacity(bounds.len());
    for (range, own) in instance.parts.iter().zip(bounds) {
        drafts.push(draft(&instance, range, own, bound, THOROUGH, &mut scratch)?);
    }
    let mut offsets = offsets(problem, &instance, &drafts);
    let mut least = u64::MAX;
    let mut report = |height: u64, offsets: &[u64], lower_bound: u64, nodes: u64| {
        if height < least {
            least = height;
            incumbent(&Incumbent { offsets, height, lower_bound, nodes });
        }
    };
    let highest = |drafts: &[Draft<'_>]| drafts.iter().map(|draft| draft.height).max().unwrap_or(0);
    report(highest(&drafts), &offsets, bound, 0);
    // The parts with the most to prove first: the others need not be lower than what those reach.
    let mut by_bound: Vec<usize> = (0..drafts.len()).collect();
    by_bound.sort_by_key(|&i| std::cmp::Reverse(drafts[i].bound.bound));
    let mut nodes_left = budget.nodes;
    let mut proven: Option<(usize, Exhausted)> = None;
    let mut height = 0;
    for (k, &i) in by_bound.iter().enumerate() {
        let goal = bound.max(height);
        if drafts[i].height > goal {
            let others = by_bound[k + 1..].iter().map(|&j| drafts[j].height).max().unwrap_or(0);
            let others = others.max(height);
            let mut lowered = |draft: &Draft<'_>, left: u64| {
                write_offsets(&mut offsets, &instance, draft);
                report(draft.height.max(others), &offsets, bound, budget.nodes - left);
            };
            let draft = &mut drafts[i];
            if let Some(it) = improve(&instance, draft, goal, &mut nodes_left, &mut lowered)
                && it.height >= bound
            {
                bound = it.height.saturating_add(1);
                proven = Some((i, it));
            }
        }
        height = drafts[i].height.max(height);
    }
    let nodes = budget.nodes - nodes_left;
    let witness = match proven {
        Some((i, Exhausted { items, height, nodes })) => {
            let start = drafts[i].range.start;
            let buffer = |&item: &u32| instance.items[start + item as usize].buffer;
            let mut buffers: Vec<usize> = items.iter().map(buffer).collect();
            buffers.sort_unstable();
            Witness::Exhausted { buffers, height, nodes }
        }
        None => live.witness(problem),
    };
    Ok(Proof { solution: solution(offsets, height, bound, nodes), witness })
}

/// Decides whether a layout of at most `capacity` bytes exists. [`Problem::capacity`] is not
/// looked at.
///
/// # Errors
///
/// [`PackError`] where no layout exists at any height.
pub fn decide(problem: &Problem, capacity: u64, budget: Budget) -> Result<Decision, PackError> {
    let instance = Instance::new(problem)?;
    let (bound, bounds) = bounds(&instance)?;
    if bound.bound > capacity {
        return Ok(Decision::ExceedsBound(bound));
    }
    let mut scratch = Scratch::default();
    let mut drafts = Vec::with_capacity(bounds.len());
    let mut nodes_left = budget.nodes;
    let mut height = 0;
    for (range, own) in instance.parts.iter().zip(bounds) {
        let mut draft = draft(&instance, range, own, capacity, QUICK, &mut scratch)?;
        if draft.height > capacity {
            let found = Race::new(&instance, &draft).run(&instance, &draft, capacity, nodes_left);
            nodes_left -= found.nodes.min(nodes_left);
            let nodes = budget.nodes - nodes_left;
            match found.outcome {
                Outcome::Found => draft.adopt(&instance, found.offsets),
                Outcome::Refuted => {
                    let items = &instance.items[draft.range.clone()];
                    let mut buffers: Vec<usize> = items.iter().map(|item| item.buffer).collect();
                    buffers.sort_unstable();
                    return Ok(Decision::Exhausted { buffers, nodes });
                }
                Outcome::OutOfNodes => {
                    draft.place(&instance, capacity, THOROUGH, &mut scratch);
                    if draft.height > capacity {
                        return Ok(Decision::Unknown { nodes });
                    }
                }
            }
        }
        height = draft.height.max(height);
        drafts.push(draft);
    }
    let offsets = offsets(problem, &instance, &drafts);
    let nodes = budget.nodes - nodes_left;
    Ok(Decision::Fits(solution(offsets, height, bound.bound, nodes)))
}

/// The greatest bound of live bytes, and that of each part.
fn bounds(instance: &Instance) -> Result<(Certificate, Vec<Certificate>), PackError> {
    let mut most = Certificate::default();
    let mut bounds = Vec::with_capacity(instance.parts.len());
    for part in &instance.parts {
        let own = part_bound(instance, part)?;
        if own.bound > most.bound {
            most = own;
        }
        bounds.push(own);
    }
    Ok((most, bounds))
}

fn offsets(problem: &Problem, instance: &Instance, drafts: &[Draft<'_>]) -> Vec<u64> {
    let mut offsets: Vec<u64> =
        problem.buffers.iter().map(|buffer| buffer.fixed.unwrap_or(0)).collect();
    for draft in drafts {
        write_offsets(&mut offsets, instance, draft);
    }
    offsets
}

fn write_offsets(offsets: &mut [u64], instance: &Instance, draft: &Draft<'_>) {
    for (item, &offset) in instance.items[draft.range.clone()].iter().zip(&draft.offsets) {
        offsets[item.buffer] = offset.saturating_mul(instance.unit);
    }
}

fn solution(offsets: Vec<u64>, height: u64, bound: u64, nodes: u64) -> Solution {
    let lower_bound = bound.min(height);
    Solution { offsets, height, lower_bound, proven_optimal: height == lower_bound, nodes }
}
