//! Small networks of the operators that stream: written out, and random ones.

use cofit_exec::probe::SplitMix64;
use cofit_ir::{
    Activation, Extent2d, Graph, Model, Op, Operands, Operator, OperatorId, Padding, Quantisation,
    Shape, Tensor, TensorId, Verified, ops,
};
use cofit_stream::{Manner, Network, Pieces, Schedule, Storage};
use cofit_vocab::{Bytes, ElementType};
use proptest::prelude::*;

use crate::execution::Reference;
use crate::rooms::{groups, lay_out, one_by_one};

/// A network of maps that grows at its last tensor.
pub struct Chain {
    graph: Graph,
    element: ElementType,
    draws: SplitMix64,
    /// Whether weights have a scale for each output channel, and convolutions a bias.
    pub by_channel: bool,
    /// The maps so far.
    pub maps: Vec<TensorId>,
}

impl Chain {
    /// One input.
    pub fn new(element: ElementType, rows: u32, columns: u32, channels: u32) -> Self {
        let mut chain = Self {
            graph: Graph::default(),
            element,
            draws: SplitMix64(3),
            by_channel: false,
            maps: Vec::new(),
        };
        let input = chain.map(Shape::new(&[1, rows, columns, channels]));
        let input = chain.graph.tensor(input);
        chain.graph.inputs.push(input);
        chain.maps.push(input);
        chain
    }

    fn map(&self, shape: Shape) -> Tensor {
        let name = format!("t{}", self.graph.tensors.len());
        let tensor = Tensor::activation(name, self.element, shape);
        match self.element {
            ElementType::Float32 => tensor,
            _ => tensor.quantised(Quantisation::per_tensor(0.1, -3)),
        }
    }

    /// Weights whose output channels lie along `axis`.
    fn weights(&mut self, shape: &[u32], axis: u32) -> TensorId {
        let shape = Shape::new(shape);
        let (count, channels) = (shape.elements(), shape.get(axis as usize).unwrap_or(1));
        let tensor = match self.element {
            ElementType::Float32 => {
                let draw = |draws: &mut SplitMix64| (draws.next() % 256) as f32 / 128.0 - 1.0;
                let data: Vec<u8> =
                    (0..count).flat_map(|_| draw(&mut self.draws).to_le_bytes()).collect();
                Tensor::constant("w", ElementType::Float32, shape, data)
            }
            _ => {
                let data: Vec<u8> = (0..count).map(|_| self.draws.next() as u8).collect();
                let quantisation = match self.by_channel {
                    true => {
                        let scale = |at: u32| 0.004 + 0.001 * (at % 7) as f32;
                        Quantisation::per_axis(axis, &(0..channels).map(scale).collect::<Vec<_>>())
                    }
                    false => Quantisation::per_tensor(0.008, 0),
                };
                Tensor::constant("w", ElementType::Int8, shape, data).quantised(quantisation)
            }
        };
        self.graph.tensor(tensor)
    }

    fn integers(&mut self, shape: &[u32], values: &[i32]) -> TensorId {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.graph.tensor(Tensor::constant("i", ElementType::Int32, Shape::new(shape), data))
    }

    pub fn shape(&self, map: TensorId) -> &Shape {
        &self.graph.tensors[map].shape
    }

    fn last(&self) -> TensorId {
        self.maps[self.maps.len() - 1]
    }

    /// Appends an operator, if its rules accept it.
    fn emit(&mut self, op: impl Into<Op>, inputs: &[TensorId]) -> Option<TensorId> {
        let mut operator = Operator::new(op.into(), inputs, &[]);
        let facts = operator.op.infer(&Operands::new(&self.graph, &operator)).ok()?;
        let shape = facts.first()?.shape.clone()?;
        if shape.elements() == 0 {
            return None;
        }
        let map = self.map(shape);
        let result = self.graph.tensor(map);
        operator.outputs = [result].into_iter().collect();
        self.graph.operator(operator);
        self.maps.push(result);
        Some(result)
    }

    /// A convolution of the last map.
    pub fn conv(&mut self, channels: u32, kernel: [u32; 2], stride: u32, padding: Padding) {
        let input = self.last();
        let depth = self.shape(input).last();
        let weights = self.weights(&[channels, kernel[0], kernel[1], depth], 0);
        let stride = Extent2d::new(stride, stride);
        let activation = Activation::Relu;
        let conv = ops::Conv2d { stride, padding, activation, ..Default::default() };
        let bias = self.bias(channels);
        let operands: Vec<TensorId> = [input, weights].into_iter().chain(bias).collect();
        self.emit(conv, &operands);
    }

    fn bias(&mut self, channels: u32) -> Option<TensorId> {
        let values: Vec<i32> =
            (0..channels).map(|_| (self.draws.next() % 999) as i32 - 500).collect();
        self.by_channel.then(|| self.integers(&[channels], &values))
    }

    /// A depthwise convolution of the last map.
    pub fn depthwise(&mut self, kernel: [u32; 2], stride: u32, dilation: u32) {
        let input = self.last();
        let channels = self.shape(input).last();
        let weights = self.weights(&[1, kernel[0], kernel[1], channels], 3);
        let stride = Extent2d::new(stride, stride);
        let dilation = Extent2d::new(dilation, dilation);
        let conv = ops::DepthwiseConv2d { stride, dilation, ..Default::default() };
        let bias = self.bias(channels);
        let operands: Vec<TensorId> = [input, weights].into_iter().chain(bias).collect();
        self.emit(conv, &operands);
    }

    /// The sum of two maps.
    pub fn add(&mut self, a: TensorId, b: TensorId) {
        self.emit(ops::Add::default(), &[a, b]);
    }

    /// A pool of the last map.
    pub fn pool(&mut self, is_max: bool, filter: u32, stride: u32, padding: Padding) {
        let input = self.last();
        let (filter, stride) = (Extent2d::new(filter, filter), Extent2d::new(stride, stride));
        if is_max {
            self.emit(ops::MaxPool2d { filter, stride, padding, ..Default::default() }, &[input]);
        } else {
            self.emit(
                ops::AveragePool2d { filter, stride, padding, ..Default::default() },
                &[input],
            );
        }
    }

    /// The last map with a border.
    pub fn pad(&mut self, border: [i32; 4]) {
        let input = self.last();
        let [top, bottom, left, right] = border;
        let border = self.integers(&[4, 2], &[0, 0, top, bottom, left, right, 0, 0]);
        self.emit(ops::Pad {}, &[input, border]);
    }

    /// Two maps side by side, by channel.
    pub fn join(&mut self, a: TensorId, b: TensorId) {
        self.emit(ops::Concatenation { axis: 3, ..Default::default() }, &[a, b]);
    }

    /// The mean of the last map over rows and columns.
    pub fn mean(&mut self, keep_dims: bool) {
        let input = self.last();
        let axes = self.integers(&[2], &[1, 2]);
        self.emit(ops::Mean { keep_dims }, &[input, axes]);
    }

    /// The last map as a single column, which is another view of the same bytes.
    pub fn reshape(&mut self) {
        let input = self.last();
        let &[_, rows, columns, channels] = self.shape(input).dimensions() else { return };
        let shape = vec![1, (rows * columns) as i32, 1, channels as i32];
        self.emit(ops::Reshape { shape }, &[input]);
    }

    /// The rectified last map.
    pub fn relu(&mut self) {
        let input = self.last();
        self.emit(ops::Relu {}, &[input]);
    }

    /// The model, with the last map and others as outputs.
    pub fn finish(mut self, others: &[TensorId]) -> Verified {
        let last = self.last();
        self.graph.outputs = vec![last];
        self.graph.outputs.extend(others.iter().filter(|&&other| other != last));
        Verified::new(Model::of("chain", self.graph)).expect("a well-formed model")
    }
}

/// A block with a residual, pools, a border, a join and a mean.
pub fn block(element: ElementType) -> Verified {
    let mut chain = Chain::new(element, 11, 9, 3);
    chain.conv(4, [3, 3], 1, Padding::Same);
    let stem = chain.last();
    chain.conv(8, [1, 1], 1, Padding::Same);
    chain.depthwise([3, 3], 1, 1);
    chain.conv(4, [1, 1], 1, Padding::Same);
    let narrow = chain.last();
    chain.add(narrow, stem);
    let sum = chain.last();
    chain.pool(true, 2, 1, Padding::Same);
    let pooled = chain.last();
    chain.join(sum, pooled);
    chain.pad([1, 2, 0, 3]);
    chain.depthwise([3, 2], 2, 1);
    chain.pool(false, 3, 2, Padding::Same);
    chain.relu();
    chain.mean(false);
    chain.finish(&[])
}

/// Runs a model in every way that the arguments name.
fn check(model: &Verified, lengths: &[usize]) {
    let reference = Reference::of(model).expect("a model that runs");
    let network = Network::of(model.main_graph());
    let run = |groups, what: &str| {
        let schedule = lay_out(&network, groups);
        let account = reference.check(&network, &schedule).unwrap_or_else(|difference| {
            panic!("{what}: {difference}\n{network:#?}");
        });
        (schedule.arena, account)
    };
    let (layerwise, account) = run(one_by_one(&network), "one by one");
    assert_eq!(account.total_macs(), network.macs());
    assert_eq!(account.pieces, network.stages.len() as u64);
    for &length in lengths {
        for pieces in [Pieces::Rows, Pieces::Pixels(1), Pieces::Pixels(3)] {
            for strips in [1, 2, 3] {
                let what = format!("groups of {length} by {pieces:?} in {strips} strips");
                let (arena, account) = run(groups(&network, length, pieces, strips), &what);
                if strips == 1 {
                    assert_eq!(account.total_macs(), network.macs(), "{what}");
                }
                assert!(arena <= layerwise, "{what}: {arena} of {layerwise}");
            }
        }
    }
}

#[test]
fn a_block_is_the_same_in_pieces() {
    for element in [ElementType::Int8, ElementType::Int16, ElementType::Float32] {
        check(&block(element), &[1, 2, 3, 5, 8, 12]);
    }
}

/// A window over a whole map is summed up pixel by pixel, after an activation too.
#[test]
fn a_pool_over_a_whole_map_is_summed() {
    for element in [ElementType::Int8, ElementType::Int16] {
        let mut chain = Chain::new(element, 5, 5, 3);
        chain.conv(6, [3, 3], 1, Padding::Same);
        chain.pool(false, 5, 5, Padding::Valid);
        chain.conv(2, [1, 1], 1, Padding::Same);
        let model = chain.finish(&[]);
        let network = Network::of(model.main_graph());
        let sums = |stage: &cofit_stream::Stage| matches!(stage.manner, Manner::Accumulated { .. });
        assert!(network.stages.values().any(sums));
        check(&model, &[1, 2, 3]);
    }
}

/// Floats that meet integer weights are quantised by the range of the whole map, which a piece does not
/// know.
#[test]
fn measured_maps_are_not_cut() {
    let mut chain = Chain::new(ElementType::Float32, 6, 5, 2);
    chain.conv(3, [3, 3], 1, Padding::Same);
    chain.element = ElementType::Int8;
    let weights = chain.weights(&[1, 3, 3, 3], 3);
    chain.element = ElementType::Float32;
    let input = chain.last();
    chain.emit(ops::DepthwiseConv2d::default(), &[input, weights]);
    chain.conv(2, [1, 1], 1, Padding::Same);
    let model = chain.finish(&[]);
    let network = Network::of(model.main_graph());
    let cut: Vec<bool> =
        network.stages.values().map(|stage| stage.manner != Manner::Whole).collect();
    assert_eq!(cut, [true, false, true]);
    let reference = Reference::of(&model).expect("a model that runs");
    for pieces in [Pieces::Rows, Pieces::Pixels(2)] {
        let schedule = lay_out(&network, groups(&network, 3, pieces, 1));
        assert!(reference.check(&network, &schedule).is_ok());
    }
}

/// Borders wider than the window, and a map that is smaller than its stride.
#[test]
fn windows_may_see_nothing_but_border() {
    let mut chain = Chain::new(ElementType::Int8, 4, 3, 2);
    let border = Padding::Explicit { top: 4, bottom: 3, left: 0, right: 5 };
    chain.conv(3, [2, 2], 1, border);
    chain.conv(3, [1, 1], 3, Padding::Same);
    chain.pad([3, 0, 2, 0]);
    chain.conv(2, [5, 3], 2, Padding::Same);
    check(&chain.finish(&[]), &[1, 2, 4]);
}

/// An operator: which, and numbers that it takes.
type Instruction = (u8, u8, u8, u8);

/// Appends what an instruction says, where the rules of operators accept it.
fn grow(chain: &mut Chain, (what, a, b, c): Instruction) {
    let pick = |chain: &Chain, by: u8| chain.maps[usize::from(by) % chain.maps.len()];
    let last = chain.maps[chain.maps.len() - 1];
    if chain.shape(last).rank() != 4 {
        return;
    }
    let padding = match c % 4 {
        0 => Padding::Valid,
        1 => Padding::Explicit { top: 0, bottom: 2, left: 1, right: 0 },
        _ => Padding::Same,
    };
    let kernel = [1 + u32::from(a % 3), 1 + u32::from(b % 3)];
    let stride = 1 + u32::from(c / 4 % 2);
    // A sum or a join of the last map with the latest one that suits it.
    let mate = |chain: &Chain, is_sum: bool| {
        let shape = chain.shape(last).dimensions().to_vec();
        let suits = |&&map: &&TensorId| {
            let other = chain.shape(map).dimensions();
            other.len() == 4 && other[1..3] == shape[1..3] && (!is_sum || other[3] == shape[3])
        };
        let suited: Vec<TensorId> = chain.maps.iter().filter(suits).copied().collect();
        suited[usize::from(a) % suited.len()]
    };
    match what % 13 {
        0..=2 => chain.conv(1 + u32::from(b % 5), kernel, stride, padding),
        3 | 4 => chain.depthwise(kernel, stride, 1 + u32::from(c / 8 % 2)),
        5 | 6 => {
            let other = mate(chain, true);
            chain.add(last, other);
        }
        7 => chain.pool(b % 2 == 0, 1 + u32::from(a % 3), stride, padding),
        8 => chain.pad([a % 3, b % 3, c % 3, a % 2].map(i32::from)),
        9 => {
            let other = mate(chain, false);
            chain.join(other, last);
        }
        10 => {
            // Growth goes on at an earlier map, so that branches arise.
            let map = pick(chain, a);
            if chain.shape(map).rank() == 4 {
                chain.maps.push(map);
                chain.relu();
            }
        }
        11 => chain.mean(true),
        _ => chain.reshape(),
    }
}

/// An order in which the operators of a graph can run.
fn any_order(graph: &Graph, seed: u64) -> Vec<OperatorId> {
    let mut draws = SplitMix64(seed);
    let producers = graph.producers();
    let mut order: Vec<OperatorId> = Vec::new();
    let mut waiting: Vec<OperatorId> = graph.operators.keys().collect();
    while !waiting.is_empty() {
        let is_ready = |id: OperatorId| {
            let inputs = graph.operators[id].inputs.iter().flatten();
            inputs.filter_map(|&input| producers[input]).all(|it| order.contains(&it))
        };
        let ready: Vec<usize> = (0..waiting.len()).filter(|&at| is_ready(waiting[at])).collect();
        let next = ready[(draws.next() % ready.len() as u64) as usize];
        order.push(waiting.remove(next));
    }
    order
}

/// Random networks, some with a second output.
pub fn random_chain() -> impl Strategy<Value = Verified> {
    let steps = proptest::collection::vec(any::<Instruction>(), 1..9);
    let parts = ((3_u32..9, 3_u32..9), steps, any::<bool>(), any::<u8>());
    parts.prop_filter_map("no operator", |((rows, columns), steps, is_float, second)| {
        let element = if is_float { ElementType::Float32 } else { ElementType::Int8 };
        let mut chain = Chain::new(element, rows, columns, 2);
        for step in steps {
            grow(&mut chain, step);
        }
        let computed: Vec<TensorId> = chain.maps[1..].to_vec();
        let others = match second % 3 {
            _ if computed.is_empty() => return None,
            0 => &computed[usize::from(second) % computed.len()..][..1],
            _ => &[],
        };
        Some(chain.finish(others))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_chains_are_the_same_in_pieces(
        model in random_chain(),
        length in 1_usize..9,
        pixels in 0_u32..5,
        strips in 1_u32..4,
        seed in any::<u64>(),
    ) {
        let reference = Reference::of(&model).expect("a model that runs");
        let graph = model.main_graph();
        let network = Network::in_order(graph, &any_order(graph, seed));
        let pieces = if pixels > 0 { Pieces::Pixels(pixels) } else { Pieces::Rows };
        let schedule = lay_out(&network, groups(&network, length, pieces, strips));
        let outcome = reference.check(&network, &schedule);
        prop_assert!(outcome.is_ok(), "{}\n{}", outcome.unwrap_err(), **model.model());
    }
}

/// A group may be deeper than the stack of a thread.
#[test]
fn a_deep_group_runs() {
    let mut chain = Chain::new(ElementType::Int8, 2, 2, 1);
    for _ in 0..20_000 {
        chain.relu();
    }
    let model = chain.finish(&[]);
    let reference = Reference::of(&model).expect("a model that runs");
    let network = Network::of(model.main_graph());
    let mut schedule = Schedule {
        groups: groups(&network, network.stages.len(), Pieces::Rows, 1),
        arena: Bytes(8),
        ..Schedule::default()
    };
    // Maps take two rooms in turns.
    for (value, room) in network.values.keys().zip([0, 4].into_iter().cycle()) {
        schedule.values[value] = Storage::Arena { start: room, capacity: 4 };
    }
    let account = reference.check(&network, &schedule).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(account.pieces, 2 * network.stages.len() as u64);
}
