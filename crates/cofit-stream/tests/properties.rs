//! What holds for every network: schedules keep what they promise, bounds lie below, rings are as
//! small as they can be.

use cofit_ir::ops::{
    Add, AveragePool2d, Concatenation, Conv2d, DepthwiseConv2d, MaxPool2d, Pad, Relu,
};
use cofit_ir::{Extent2d, Graph, Op, Operator, Padding, Shape, Tensor, TensorId};
use cofit_stream::{
    Breach, Front, Network, Question, Schedule, Side, Storage, Uses, by_macs, front, lower_bound,
    verify, visit_tasks,
};
use cofit_vocab::ElementType;
use cranelift_entity::EntityRef;
use proptest::prelude::*;

/// One layer of a random network.
#[derive(Clone, Copy, Debug)]
enum Layer {
    Conv {
        kernel: u32,
        stride: u32,
        dilation: u32,
        channels: u32,
    },
    Depthwise {
        kernel: u32,
        stride: u32,
    },
    Pool {
        kernel: u32,
        stride: u32,
    },
    Border {
        before: u32,
        after: u32,
    },
    Relu,
    /// The sum with the last map of the same shape that is so many layers back.
    Add {
        back: usize,
    },
    /// Joined along the channels likewise.
    Join {
        back: usize,
    },
}

fn layer() -> impl Strategy<Value = Layer> {
    prop_oneof![
        3 => (1..=3u32, 1..=2u32, 1..=2u32, 1..=5u32)
            .prop_map(|(kernel, stride, dilation, channels)| Layer::Conv { kernel, stride, dilation, channels }),
        3 => (1..=5u32, 1..=2u32).prop_map(|(kernel, stride)| Layer::Depthwise { kernel, stride }),
        1 => (1..=3u32, 1..=2u32).prop_map(|(kernel, stride)| Layer::Pool { kernel, stride }),
        1 => (0..=2u32, 0..=2u32).prop_map(|(before, after)| Layer::Border { before, after }),
        1 => Just(Layer::Relu),
        2 => (1..=5usize).prop_map(|back| Layer::Add { back }),
        1 => (1..=5usize).prop_map(|back| Layer::Join { back }),
    ]
}

/// A network without weights. Convolutions are followed by nothing else; a last pool over the whole
/// map makes sums, where wanted.
fn graph(size: (u32, u32, u32), layers: &[Layer], pooled: bool) -> Graph {
    let mut graph = Graph { name: "random".to_owned(), ..Graph::default() };
    let int8 = |name: String, shape: &[u32]| {
        Tensor::activation(name, ElementType::Int8, Shape::new(shape))
    };
    let first = graph.tensor(int8("input".to_owned(), &[1, size.0, size.1, size.2]));
    graph.inputs.push(first);
    let mut maps: Vec<TensorId> = vec![first];
    for (at, layer) in layers.iter().enumerate() {
        let last = maps[maps.len() - 1];
        let shape = graph.tensors[last].shape.clone();
        let &[_, rows, columns, channels] = shape.dimensions() else {
            panic!("maps have four axes")
        };
        let weights = |graph: &mut Graph, shape: &[u32]| {
            graph.tensor(Tensor::weightless("weights", ElementType::Int8, Shape::new(shape)))
        };
        let earlier = |back: usize, graph: &Graph| {
            let at = maps.len().checked_sub(1 + back)?;
            let same = |a: &Shape, b: &Shape| a.dimensions()[1..3] == b.dimensions()[1..3];
            same(&graph.tensors[maps[at]].shape, &shape).then_some(maps[at])
        };
        let same = Padding::Same;
        let (op, inputs): (Op, Vec<TensorId>) = match *layer {
            Layer::Conv { kernel, stride, dilation, channels: outputs } => {
                let weights = weights(&mut graph, &[outputs, kernel, kernel, channels]);
                let conv = Conv2d {
                    stride: Extent2d::new(stride, stride),
                    dilation: Extent2d::new(dilation, dilation),
                    padding: same,
                    ..Conv2d::default()
                };
                (conv.into(), vec![last, weights])
            }
            Layer::Depthwise { kernel, stride } => {
                let weights = weights(&mut graph, &[1, kernel, kernel, channels]);
                let conv = DepthwiseConv2d {
                    stride: Extent2d::new(stride, stride),
                    padding: same,
                    ..DepthwiseConv2d::default()
                };
                (conv.into(), vec![last, weights])
            }
            Layer::Pool { kernel, stride } => {
                let pool = MaxPool2d {
                    filter: Extent2d::new(kernel, kernel),
                    stride: Extent2d::new(stride, stride),
                    padding: same,
                    ..MaxPool2d::default()
                };
                (pool.into(), vec![last])
            }
            Layer::Border { before, after } => {
                let amounts = [0, 0, before, after, after, before, 0, 0];
                let bytes: Vec<u8> = amounts.iter().flat_map(|it| it.to_le_bytes()).collect();
                let border =
                    Tensor::constant("border", ElementType::Int32, Shape::new(&[4, 2]), bytes);
                let border = graph.tensor(border);
                (Pad::default().into(), vec![last, border])
            }
            Layer::Relu => (Relu::default().into(), vec![last]),
            Layer::Add { back } => match earlier(back, &graph) {
                Some(other) if graph.tensors[other].shape == shape => {
                    (Add::default().into(), vec![last, other])
                }
                Some(_) | None => continue,
            },
            Layer::Join { back } => match earlier(back, &graph) {
                Some(other) if channels < 16 => (
                    Concatenation { axis: 3, ..Concatenation::default() }.into(),
                    vec![last, other],
                ),
                Some(_) | None => continue,
            },
        };
        let _ = (rows, columns);
        append(&mut graph, &mut maps, op, &inputs, at);
    }
    if pooled {
        let last = maps[maps.len() - 1];
        let &[_, rows, columns, _] = graph.tensors[last].shape.dimensions() else {
            panic!("maps have four axes")
        };
        let pool = AveragePool2d {
            filter: Extent2d::new(rows, columns),
            padding: Padding::Valid,
            ..AveragePool2d::default()
        };
        append(&mut graph, &mut maps, pool.into(), &[last], layers.len());
    }
    graph.outputs.push(maps[maps.len() - 1]);
    graph
}

fn append(graph: &mut Graph, maps: &mut Vec<TensorId>, op: Op, inputs: &[TensorId], at: usize) {
    let result = graph.tensor(Tensor::activation(
        format!("map{at}"),
        ElementType::Int8,
        Shape::new(&[1, 1, 1, 1]),
    ));
    let id = graph.operator(Operator::new(op, inputs, &[result]));
    let facts = graph.operators[id].op.infer(&graph.operands(id)).expect("shapes that fit");
    graph.tensors[result].shape = facts[0].shape.clone().expect("a shape");
    maps.push(result);
}

fn questions() -> impl Strategy<Value = Question> {
    let side = || prop_oneof![Just(Side::Arena), Just(Side::Outside)];
    (side(), side(), any::<bool>()).prop_map(|(inputs, outputs, may_recompute)| Question {
        inputs,
        outputs,
        may_recompute,
    })
}

/// Size of the input, layers, and whether the last map is averaged.
type Plan = ((u32, u32, u32), Vec<Layer>, bool);

fn plans() -> impl Strategy<Value = Plan> {
    let size = (3..=12u32, 3..=12u32, 1..=4u32);
    (size, prop::collection::vec(layer(), 1..9), any::<bool>())
}

/// Bytes of everything that a stage touches and everything else that is live then, the most of all
/// stages: what layer by layer needs.
fn layerwise(network: &Network, question: Question) -> u64 {
    let uses = Uses::of(network);
    let given = network.values.values().filter(|it| {
        it.is_output
            && it.is_input
            && question.inputs == Side::Arena
            && question.outputs == Side::Arena
    });
    let mut most: u64 = given.map(|it| it.bytes()).sum();
    for at in network.stages.keys() {
        let live = network.values.iter().filter(|(id, it)| {
            let outside = (it.is_input && question.inputs == Side::Outside)
                || (it.is_output && question.outputs == Side::Outside);
            let born = it.is_input || uses.writer[*id].is_some_and(|writer| writer <= at);
            let read = it.is_output || uses.readers[*id].last().is_some_and(|&last| at <= last);
            let touched = uses.writer[*id] == Some(at);
            !outside && born && (read || touched)
        });
        most = most.max(live.map(|(_, it)| it.bytes()).sum());
    }
    most
}

fn check(graph: &Graph, question: Question) -> (Network, Front) {
    let network = Network::of(graph);
    let front = front(graph, &network, question, &by_macs);
    let bound = lower_bound(&network, question);
    let mut before: Option<(u64, u64)> = None;
    assert!(!front.points.is_empty(), "there is always a way");
    for point in &front.points {
        verify(&network, &point.schedule).unwrap_or_else(|breach| panic!("{breach}"));
        let (arena, macs) = (point.schedule.arena.get(), point.effort().macs);
        if let Some((smaller, more)) = before {
            assert!(
                smaller < arena && more >= macs,
                "a front falls on one side as it rises on the other"
            );
        }
        before = Some((arena, macs));
        let strips = point.schedule.groups.iter().any(|group| group.strips.len() > 1);
        if !strips {
            assert!(macs <= network.macs().get(), "nothing is computed twice");
            assert!(bound.bytes <= arena, "{bound:?} is no bound: {arena} bytes do");
        }
    }
    let least = front.points[0].schedule.arena.get();
    // Sums are words, and an arena with words in it is a whole number of them.
    let layerwise = layerwise(&network, question).next_multiple_of(4);
    assert!(least <= layerwise, "layer by layer is offered: {least} bytes instead of {layerwise}");
    (network, front)
}

/// Whether every stage of a group runs through all of its iterations, once. A window of one row that
/// steps over every second row leaves some out, and their operands stay longer than they need to.
fn runs_through_all(network: &Network, group: &cofit_stream::Group) -> bool {
    let mut done = vec![0; network.stages.len()];
    visit_tasks(network, &Uses::of(network), group, &mut |task, _| {
        done[task.stage.index()] += task.rows.len() * task.columns.len();
    });
    group.stages().all(|id| done[id.index()] as u64 == network.stages[id].grid.area())
}

/// The same schedule with one value's storage changed.
fn with(schedule: &Schedule, value: cofit_stream::ValueId, storage: Storage) -> Schedule {
    let mut changed = schedule.clone();
    changed.values[value] = storage;
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_point_holds_what_it_promises(plan in plans(), question in questions()) {
        check(&graph(plan.0, &plan.1, plan.2), question);
    }

    /// A ring that holds one pixel less loses one that is still needed.
    #[test]
    fn rings_are_as_small_as_they_can_be(plan in plans(), question in questions()) {
        let (network, front) = check(&graph(plan.0, &plan.1, plan.2), question);
        let uses = Uses::of(&network);
        for point in &front.points {
            for group in &point.schedule.groups {
                if !runs_through_all(&network, group) {
                    continue;
                }
                for id in group.stages() {
                    for &value in &network.stages[id].writes {
                        let is_inner = uses.is_internal(&network, value, group.first, group.last);
                        let pixel = network.values[value].pixel_bytes;
                        let Storage::Arena { start, capacity } = point.schedule.values[value] else { continue };
                        if is_inner && capacity > pixel {
                            let smaller = Storage::Arena { start, capacity: capacity - pixel };
                            let outcome = verify(&network, &with(&point.schedule, value, smaller));
                            prop_assert!(matches!(outcome, Err(Breach::Missing { .. })), "{outcome:?}");
                        }
                    }
                }
            }
        }
    }

    /// Two values that are needed at once never share a byte without being found.
    #[test]
    fn overlaps_are_found(plan in plans(), question in questions(), pick in any::<prop::sample::Index>()) {
        let (network, front) = check(&graph(plan.0, &plan.1, plan.2), question);
        let point = &front.points[pick.index(front.points.len())];
        let uses = Uses::of(&network);
        if point.schedule.groups.iter().any(|group| group.strips.len() > 1) {
            return Ok(());
        }
        for (id, stage) in &network.stages {
            // An operand and a result of one window over several rows cannot start at one address.
            let (Some(read), Some(&result)) = (stage.reads.first(), stage.writes.first()) else { continue };
            let is_last = uses.readers[read.value].last() == Some(&id);
            let (Storage::Arena { start, .. }, Storage::Arena { capacity, .. }) =
                (point.schedule.values[read.value], point.schedule.values[result]) else { continue };
            let reads_back = matches!(read.reach, cofit_stream::Reach::Window { rows, .. } if rows.before > 0 && rows.span > 1 && rows.dilation == 1);
            if is_last && reads_back && network.values[read.value].grid.rows > 1
                && network.values[result].grid.rows > 1
            {
                let changed = with(&point.schedule, result, Storage::Arena { start, capacity });
                prop_assert!(verify(&network, &changed).is_err());
            }
        }
    }
}
