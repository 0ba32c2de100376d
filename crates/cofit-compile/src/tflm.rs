//! Where TensorFlow Lite for Microcontrollers puts the tensors of a file, and where they lie best.
//!
//! TFLM keeps tensors in the *head* of its arena. Its own planner places them largest first, each
//! in the lowest gap; a file may bring offsets instead, the *offline plan*, which the planner takes
//! as they are. [`plan`] computes one by the runtime's own rules, apart from any chip:
//!
//! - Sizes and addresses are multiples of [`ALIGNMENT`]. Constants and variables lie elsewhere.
//! - All inputs are there before the first operator. A result is there from its operator to its last
//!   reader, a graph output to the end.
//! - `RESHAPE` copies nothing where its result lies on its operand, so both share their bytes.
//! - Tensors that no operator touches get room all the same. Nobody minds where.
//! - Kernels may ask for scratch when they are prepared. No file can plan that: TFLM places it
//!   around the offsets of the plan, largest first, each in the lowest gap. The plan keeps one block free
//!   for what the reference kernel of an operator asks for (`scratch` below), in which all of it finds
//!   room; another library's kernels may ask for more, and the head then ends higher.
//!
//! Sources: tensorflow/tflite-micro, `tensorflow/lite/micro/docs/memory_management.md`,
//! `micro_allocation_info.cc`, `memory_planner/greedy_memory_planner.cc`, `kernels/reshape.cc`,
//! `kernels/svdf_common.cc`, `kernels/transpose_conv.cc`, `kernels/reduce_common.cc`.

use cofit_ir::{Graph, Operator, OperatorId, TensorId, TensorRole};
use cofit_vocab::{Bytes, ElementType, OperatorKind};
use cranelift_entity::{EntityRef, SecondaryMap};
use smallvec::SmallVec;

use crate::effects::keeps_its_turn;
use crate::joint_order::{self, Joint};
use crate::plan::OrderProof;
use crate::step_order::{Problem, StepValues};

/// Alignment of tensors in TFLM's arena (`MicroArenaBufferAlignment`).
pub const ALIGNMENT: u64 = 16;

/// Most tensors for which TFLM's own planner is followed, whose work grows with the square.
const MOST_FOLLOWED: usize = 4096;

/// Operators in an order and tensors at offsets, for one file.
#[derive(Clone, Debug)]
pub struct OfflinePlan {
    /// Positions of the file's operators, in the order to run them.
    pub order: Vec<usize>,
    /// Offset of every tensor of the file in the head; `None` for what TFLM does not plan.
    pub offsets: Vec<Option<u64>>,
    /// Bytes of the head: what the offsets and the reference kernels' scratch take.
    pub head: Bytes,
    /// Order and layout with their proofs. Its first step is the caller's, who fills the inputs.
    pub joint: Joint,
    /// The lowest head with the file's own order of operators.
    pub head_in_file_order: Bytes,
    /// The head that TFLM's own planner makes of the file without a plan; `None` for files of very
    /// many tensors.
    pub unplanned_head: Option<Bytes>,
}

impl OfflinePlan {
    /// Whether the operators run in another order than the file's.
    pub fn is_reordered(&self) -> bool {
        self.order.iter().enumerate().any(|(at, &operator)| at != operator)
    }
}

/// Plans the tensors of a graph as a file has it, with no pass run before.
///
/// `None` where addresses would pass 2^64.
pub fn plan(graph: &Graph) -> Option<OfflinePlan> {
    let values = Values::of(graph);
    let problem = problem(graph, &values);
    let given = joint_order::solve_as_given(&problem)?;
    let joint = joint_order::solve(&problem)?;
    // The file's order stays where no other is better.
    let joint = if given.height <= joint.height {
        let peak = given.proof.peak;
        let proof = OrderProof { peak, is_optimal: peak == joint.proof.lower_bound, ..joint.proof };
        let packing_bound = given.packing_bound;
        Joint { order: given.order, offsets: given.offsets, proof, packing_bound, ..joint }
    } else {
        joint
    };
    let order = joint.order.iter().filter_map(|step| step.checked_sub(1)).collect();
    let mut head = joint.height;
    let mut offsets = vec![None; graph.tensors.len()];
    for (id, value) in values.of.iter() {
        let Some(value) = *value else { continue };
        let offset = joint.offsets[value].unwrap_or(0);
        head = head.max(Bytes(offset) + problem.bytes[value]);
        offsets[id.index()] = Some(offset);
    }
    Some(OfflinePlan {
        order,
        offsets,
        head,
        joint,
        head_in_file_order: given.height,
        unplanned_head: unplanned_head(graph),
    })
}

/// What a tensor takes of the head; zero for what TFLM keeps elsewhere.
fn bytes(graph: &Graph, id: TensorId) -> Bytes {
    let tensor = &graph.tensors[id];
    match tensor.role {
        TensorRole::Activation => {
            // Activations narrower than a byte lie unpacked.
            let unpacked = Bytes(tensor.shape.elements());
            tensor.bytes().max(unpacked).round_up_to(ALIGNMENT)
        }
        TensorRole::Variable | TensorRole::Constant(_) => Bytes::ZERO,
    }
}

/// The scratch that the reference kernel of an operator asks for, buffer by buffer.
fn scratch(graph: &Graph, operator: &Operator) -> SmallVec<[Bytes; 2]> {
    /// Bytes of an accumulator.
    const WORD: u64 = 4;
    let element = |id: Option<TensorId>| id.map(|id| graph.tensors[id].element);
    let elements = |id: Option<TensorId>| id.map_or(0, |id| graph.tensors[id].shape.elements());
    let of = |count: u64, width: u64| Bytes(count.saturating_mul(width)).round_up_to(ALIGNMENT);
    let output = operator.outputs.first().copied();
    let is_integer = matches!(element(output), Some(ElementType::Int8 | ElementType::Int16));
    let mut all: SmallVec<[Bytes; 2]> = SmallVec::new();
    let kind = operator.kind();
    if kind == OperatorKind::Svdf {
        // One sum a filter and batch; the weights of features have a row a filter.
        let weights = operator.input(1).map(|id| &graph.tensors[id].shape);
        let filters = weights.and_then(|shape| shape.get(0)).unwrap_or(0);
        let batch = output.and_then(|id| graph.tensors[id].shape.get(0)).unwrap_or(0);
        all.push(of(u64::from(filters).saturating_mul(batch.into()), WORD));
        if is_integer {
            all.push(of(elements(output), WORD));
        }
    } else if kind == OperatorKind::TransposeConv2d && is_integer {
        // Accumulators of 16-bit activations have 64 bits.
        let is_wide = element(output) == Some(ElementType::Int16);
        all.push(of(elements(output), if is_wide { 2 * WORD } else { WORD }));
    } else if matches!(kind, OperatorKind::Mean | OperatorKind::Sum) && is_integer {
        all.push(of(elements(output), WORD));
    }
    all.retain(|bytes| !bytes.is_zero());
    all
}

/// Tensors that share their bytes.
struct Values {
    /// The value of each tensor that TFLM plans.
    of: SecondaryMap<TensorId, Option<usize>>,
    /// Size of each value.
    bytes: Vec<Bytes>,
}

impl Values {
    fn of(graph: &Graph) -> Self {
        let mut of: SecondaryMap<TensorId, Option<usize>> = SecondaryMap::new();
        let mut sizes = Vec::new();
        let producers = graph.producers();
        for operator in graph.operators.values() {
            let (Some(from), [to]) = (operator.input(0), operator.outputs.as_slice()) else {
                continue;
            };
            let size = bytes(graph, from);
            let is_shared = operator.kind() == OperatorKind::Reshape
                && !size.is_zero()
                && size == bytes(graph, *to)
                && of[*to].is_none()
                && !graph.inputs.contains(to)
                && (graph.inputs.contains(&from) || producers[from].is_some());
            if is_shared {
                let value = *of[from].get_or_insert_with(|| {
                    sizes.push(size);
                    sizes.len() - 1
                });
                of[*to] = Some(value);
            }
        }
        for id in graph.tensors.keys() {
            let size = bytes(graph, id);
            if of[id].is_none() && !size.is_zero() {
                of[id] = Some(sizes.len());
                sizes.push(size);
            }
        }
        Self { of, bytes: sizes }
    }

    /// The values of tensors, each once.
    fn list<A: smallvec::Array<Item = usize>>(
        &self,
        tensors: impl Iterator<Item = TensorId>,
    ) -> SmallVec<A> {
        let mut list: SmallVec<A> = tensors.filter_map(|tensor| self.of[tensor]).collect();
        list.sort_unstable();
        list.dedup();
        list
    }
}

/// The file's operators as an ordering problem, behind a first step that fills the inputs.
fn problem(graph: &Graph, values: &Values) -> Problem {
    let fill =
        StepValues { writes: values.list(graph.inputs.iter().copied()), ..StepValues::default() };
    let mut steps = vec![fill];
    let mut sizes = values.bytes.clone();
    let mut writer: SecondaryMap<TensorId, Option<usize>> = SecondaryMap::new();
    let mut last_effect = None;
    for operator in graph.operators.values() {
        let at = steps.len();
        let mut after: SmallVec<[usize; 2]> = SmallVec::from_slice(&[0]);
        after.extend(operator.inputs.iter().flatten().filter_map(|&tensor| writer[tensor]));
        if keeps_its_turn(graph, operator) {
            after.extend(last_effect.replace(at));
        }
        after.sort_unstable();
        after.dedup();
        let mut writes: SmallVec<[usize; 1]> = values.list(operator.outputs.iter().copied());
        let scratch: Bytes = scratch(graph, operator).into_iter().sum();
        if !scratch.is_zero() {
            writes.push(sizes.len());
            sizes.push(scratch);
        }
        steps.push(StepValues {
            reads: values.list(operator.inputs.iter().flatten().copied()),
            writes,
            after,
        });
        operator.outputs.iter().for_each(|&tensor| writer[tensor] = Some(at));
    }
    Problem {
        steps,
        bytes: sizes,
        live_in: Vec::new(),
        live_out: values.list::<[usize; 4]>(graph.outputs.iter().copied()).into_vec(),
        alignment: ALIGNMENT,
    }
}

/// A tensor as TFLM's own planner sees it: its lifetime in scopes, both ends counted. The caller
/// fills the inputs in scope 0, and operator `n` has scope `n + 1`.
#[derive(Clone, Copy)]
struct Requirement {
    bytes: u64,
    first: i64,
    last: i64,
}

/// The head that TFLM's own planner makes, with the scratch of its reference kernels; `None` for
/// graphs too large to follow.
pub fn unplanned_head(graph: &Graph) -> Option<Bytes> {
    if graph.tensors.len() > MOST_FOLLOWED {
        return None;
    }
    /// Before everything: tensors that nobody makes.
    const NEVER: i64 = -1;
    let mut all: Vec<Requirement> = graph
        .tensors
        .keys()
        .map(|id| Requirement { bytes: bytes(graph, id).get(), first: NEVER, last: NEVER })
        .collect();
    let make = |requirement: &mut Requirement, scope: i64| {
        requirement.first = scope;
        requirement.last = scope;
    };
    for id in graph.inputs.iter().chain(&graph.outputs) {
        make(&mut all[id.index()], 0);
    }
    let scope = |id: OperatorId| id.index() as i64 + 1;
    for (id, operator) in &graph.operators {
        operator.outputs.iter().for_each(|tensor| make(&mut all[tensor.index()], scope(id)));
        for tensor in operator.inputs.iter().flatten() {
            all[tensor.index()].last = scope(id);
        }
    }
    for id in &graph.outputs {
        all[id.index()].last = graph.operators.len() as i64;
    }
    for (id, operator) in &graph.operators {
        let buffers = scratch(graph, operator).into_iter();
        all.extend(buffers.map(|bytes| Requirement {
            bytes: bytes.get(),
            first: scope(id),
            last: scope(id),
        }));
    }
    // Largest first; of equals the one that the file lists last.
    let mut by_size: Vec<Requirement> = all.into_iter().rev().filter(|it| it.bytes > 0).collect();
    by_size.sort_by_key(|it| std::cmp::Reverse(it.bytes));
    // What is placed, by offset.
    let mut placed: Vec<(u64, Requirement)> = Vec::with_capacity(by_size.len());
    let mut head = 0u64;
    for wanted in by_size {
        let mut offset = 0u64;
        for &(start, other) in &placed {
            if other.last < wanted.first || wanted.last < other.first {
                continue;
            }
            if start.checked_sub(offset).is_some_and(|gap| gap >= wanted.bytes) {
                break;
            }
            offset = offset.max(start.checked_add(other.bytes)?);
        }
        head = head.max(offset.checked_add(wanted.bytes)?);
        let at = placed.partition_point(|&(start, _)| start <= offset);
        placed.insert(at, (offset, wanted));
    }
    Some(Bytes(head))
}
