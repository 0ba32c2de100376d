//! Which tensors share their channels, so that a width can be changed wherever it stands.
//!
//! Channels are the innermost axis. A class is the set of activations whose channels are the same
//! ones: a convolution's result, what an activation or a pool makes of it, and what is added to it.
//! Constants have them along one of their axes. A flattened map has every channel once for each
//! position.
//!
//! A class is fixed where its width is given from outside, by an input or output of the graph, or goes
//! through an operator that mixes or moves channels in another way than those listed in
//! [`Classes::operator`].

use cofit_ir::{Graph, Op, Operator, OperatorId, Shape, Tensor, TensorId};
use cranelift_entity::SecondaryMap;

use super::edit;

/// Channels of the widest class that is changed, and the longest axis of a constant that is cut. Both
/// come from files, where absent values make any length cheap.
const MOST_CHANNELS: u32 = 1 << 16;
const LONGEST_AXIS: u64 = 1 << 24;

/// A class of channels.
#[derive(Clone, Debug, Default)]
pub struct Class {
    /// How many channels.
    pub channels: u32,
    /// Constants with the channels along an axis, and how often the axis repeats them.
    constants: Vec<(TensorId, usize, u32)>,
    /// Weights of which the channels are results, with their axis.
    makers: Vec<(TensorId, usize)>,
    /// The operator that makes the channels first, by its name.
    pub name: String,
    is_fixed: bool,
}

/// The classes of a graph.
pub struct Classes {
    classes: Vec<Class>,
    /// The class and the repetitions of every tensor; joined ones point at another class.
    of: SecondaryMap<TensorId, Option<(usize, u32)>>,
    joined: Vec<usize>,
}

impl Classes {
    /// Finds the classes of a graph.
    pub fn of(graph: &Graph) -> Self {
        let mut classes = Self { classes: Vec::new(), of: SecondaryMap::new(), joined: Vec::new() };
        for &input in &graph.inputs {
            let class = classes.of_tensor(graph, input);
            classes.fix(class);
        }
        for id in graph.operators.keys() {
            classes.operator(graph, id);
        }
        for &output in &graph.outputs {
            let class = classes.of_tensor(graph, output);
            classes.fix(class);
        }
        // A constant that two operators read would be cut twice.
        let consumers = graph.consumers();
        for class in &mut classes.classes {
            class.is_fixed |= class.constants.iter().any(|&(id, ..)| consumers[id].len() > 1);
        }
        classes
    }

    /// The classes whose width may change, in the order of their operators.
    pub fn free(&self) -> impl Iterator<Item = &Class> {
        let is_root = |at: usize| self.joined[at] == at;
        self.classes
            .iter()
            .enumerate()
            .filter(move |&(at, class)| is_root(at) && !class.is_fixed && !class.makers.is_empty())
            .filter(|(_, class)| class.channels <= MOST_CHANNELS)
            .map(|(_, class)| class)
    }

    fn root(&self, mut at: usize) -> usize {
        while self.joined[at] != at {
            at = self.joined[at];
        }
        at
    }

    fn new_class(&mut self, channels: u32, name: String) -> usize {
        let at = self.classes.len();
        self.classes.push(Class { channels, name, ..Class::default() });
        self.joined.push(at);
        at
    }

    /// The class of a tensor and how often its innermost axis repeats the channels.
    fn place(&mut self, graph: &Graph, id: TensorId) -> (usize, u32) {
        if let Some((class, repeats)) = self.of[id] {
            return (self.root(class), repeats);
        }
        let tensor = &graph.tensors[id];
        let class = self.new_class(tensor.shape.last(), tensor.name.clone());
        self.of[id] = Some((class, 1));
        (class, 1)
    }

    fn of_tensor(&mut self, graph: &Graph, id: TensorId) -> usize {
        self.place(graph, id).0
    }

    fn fix(&mut self, class: usize) {
        let root = self.root(class);
        self.classes[root].is_fixed = true;
    }

    fn join(&mut self, a: usize, b: usize) -> usize {
        let (a, b) = (self.root(a), self.root(b));
        let (into, from) = (a.min(b), a.max(b));
        if into != from {
            let taken = std::mem::take(&mut self.classes[from]);
            let class = &mut self.classes[into];
            class.is_fixed |= taken.is_fixed || class.channels != taken.channels;
            class.constants.extend(taken.constants);
            class.makers.extend(taken.makers);
            self.joined[from] = into;
        }
        into
    }

    /// What an operator says about the channels of its operands and results.
    fn operator(&mut self, graph: &Graph, id: OperatorId) {
        let operator = &graph.operators[id];
        if self.known(graph, operator).is_some() {
            return;
        }
        for &id in operator.inputs.iter().flatten().chain(&operator.outputs) {
            if !graph.tensors[id].is_constant() {
                let class = self.of_tensor(graph, id);
                self.fix(class);
            }
        }
    }

    /// The same for operators whose channels can be followed.
    fn known(&mut self, graph: &Graph, operator: &Operator) -> Option<()> {
        let &[output] = operator.outputs.as_slice() else { return None };
        let input = operator.input(0)?;
        let tensor = |id: TensorId| -> &Tensor { &graph.tensors[id] };
        match &operator.op {
            Op::Conv2d(_) => {
                let (weights, shape) = constant(graph, operator.input(1)?)?;
                let (class, repeats) = self.place(graph, input);
                if repeats != 1 || shape.get(3)? != tensor(input).shape.last() {
                    return None;
                }
                self.classes[class].constants.push((weights, 3, 1));
                self.makes(graph, output, weights, 0, operator.input(2))
            }
            Op::FullyConnected(_) => {
                let (weights, shape) = constant(graph, operator.input(1)?)?;
                let (class, repeats) = self.place(graph, input);
                let channels = self.classes[class].channels;
                let depth = shape.get(1)?;
                // A map is flattened on the way in, channels innermost.
                let whole = channels.checked_mul(repeats).filter(|&it| it > 0)?;
                if !depth.is_multiple_of(whole) {
                    return None;
                }
                self.classes[class].constants.push((weights, 1, depth / channels));
                self.makes(graph, output, weights, 0, operator.input(2))
            }
            Op::DepthwiseConv2d(_) => {
                let (weights, shape) = constant(graph, operator.input(1)?)?;
                let (class, repeats) = self.place(graph, input);
                if repeats != 1 || shape.get(3)? != tensor(input).shape.last() {
                    return None;
                }
                let mut added = vec![(weights, 3, 1)];
                if let Some(bias) = operator.input(2) {
                    added.push((constant(graph, bias)?.0, 0, 1));
                }
                self.classes[class].constants.extend(added);
                self.same(class, 1, output)
            }
            Op::BatchNormalization(_) | Op::Prelu(_) => {
                let (class, repeats) = self.place(graph, input);
                let channels = self.classes[class].channels;
                let mut added = Vec::new();
                for operand in operator.inputs.iter().skip(1) {
                    let (id, shape) = constant(graph, (*operand)?)?;
                    if shape.last() != channels {
                        return None;
                    }
                    added.push((id, shape.rank().checked_sub(1)?, 1));
                }
                self.classes[class].constants.extend(added);
                (repeats == 1).then_some(())?;
                self.same(class, repeats, output)
            }
            Op::Add(_) | Op::Sub(_) | Op::Mul(_) | Op::Maximum(_) | Op::Minimum(_) => {
                self.elementwise(graph, operator, output)
            }
            Op::Abs(_)
            | Op::AveragePool2d(_)
            | Op::Dequantize(_)
            | Op::Elu(_)
            | Op::Gelu(_)
            | Op::HardSwish(_)
            | Op::LeakyRelu(_)
            | Op::Logistic(_)
            | Op::MaxPool2d(_)
            | Op::Quantize(_)
            | Op::Relu(_)
            | Op::Relu6(_)
            | Op::ReluN1To1(_)
            | Op::ResizeNearestNeighbor(_)
            | Op::Tanh(_) => {
                let (class, repeats) = self.place(graph, input);
                self.same(class, repeats, output)
            }
            Op::Mean(_) => {
                let rank = tensor(input).shape.rank() as i64;
                let axes = tensor(operator.input(1)?).integers()?;
                let is_inner = |axis: &i64| *axis == -1 || *axis == rank - 1;
                let (class, repeats) = self.place(graph, input);
                (!axes.iter().any(is_inner)).then(|| self.same(class, repeats, output))?
            }
            Op::Pad(_) => {
                let border = tensor(operator.input(1)?).integers()?;
                let (class, repeats) = self.place(graph, input);
                border.ends_with(&[0, 0]).then(|| self.same(class, repeats, output))?
            }
            Op::Reshape(_) => self.reshape(graph, operator, output),
            // What mixes, moves or counts channels in ways of its own keeps its width.
            _ => None,
        }
    }

    /// A result whose channels are the outputs of `weights` along `axis`.
    fn makes(
        &mut self,
        graph: &Graph,
        output: TensorId,
        weights: TensorId,
        axis: usize,
        bias: Option<TensorId>,
    ) -> Option<()> {
        let bias = match bias {
            Some(bias) => Some(constant(graph, bias)?.0),
            None => None,
        };
        let class = self.of_tensor(graph, output);
        let class = &mut self.classes[class];
        class.constants.push((weights, axis, 1));
        class.constants.extend(bias.map(|bias| (bias, 0, 1)));
        class.makers.push((weights, axis));
        Some(())
    }

    /// A result with the channels of an operand.
    fn same(&mut self, class: usize, repeats: u32, output: TensorId) -> Option<()> {
        self.of[output] = Some((class, repeats));
        Some(())
    }

    fn elementwise(&mut self, graph: &Graph, operator: &Operator, output: TensorId) -> Option<()> {
        let operands = [operator.input(0)?, operator.input(1)?];
        let channels = graph.tensors[output].shape.last();
        let mut class = None;
        let mut added = Vec::new();
        for id in operands {
            let tensor = &graph.tensors[id];
            if tensor.shape.last() != channels {
                // One value for all channels.
                (tensor.shape.last() == 1).then_some(())?;
                if !tensor.is_constant() {
                    let own = self.of_tensor(graph, id);
                    self.fix(own);
                }
            } else if tensor.is_constant() {
                added.push((id, tensor.shape.rank().checked_sub(1)?, 1));
            } else {
                let (own, repeats) = self.place(graph, id);
                if repeats != 1 {
                    return None;
                }
                class = Some(class.map_or(own, |class| self.join(class, own)));
            }
        }
        let class = class?;
        self.classes[class].constants.extend(added);
        self.same(class, 1, output)
    }

    /// A map that becomes one axis, or an axis of length 1 that comes or goes.
    fn reshape(&mut self, graph: &Graph, operator: &Operator, output: TensorId) -> Option<()> {
        let (class, repeats) = self.place(graph, operator.input(0)?);
        let from = &graph.tensors[operator.input(0)?].shape;
        let to = &graph.tensors[output].shape;
        let flattens = to.rank() == 2 && to.get(0) == Some(1) && from.get(0) == Some(1);
        if from.last() == to.last() && from.last() > 1 {
            return self.same(class, repeats, output);
        }
        let channels = self.classes[class].channels;
        (flattens && channels > 0 && to.last().is_multiple_of(channels))
            .then(|| self.same(class, to.last() / channels, output))?
    }
}

/// A constant and its shape.
fn constant(graph: &Graph, id: TensorId) -> Option<(TensorId, &Shape)> {
    let tensor = &graph.tensors[id];
    tensor.is_constant().then_some((id, &tensor.shape))
}

/// Gives a class fewer channels, those with the largest weights, and every shape that follows. Says
/// whether all makers of the channels had values to choose by.
///
/// # Errors
/// A shape that is fixed elsewhere.
pub fn narrow(graph: &mut Graph, class: &Class, channels: u32) -> Result<bool, String> {
    let (kept, is_chosen) = strongest(graph, class, channels as usize);
    for &(id, axis, repeats) in &class.constants {
        if u64::from(repeats) * u64::from(class.channels) > LONGEST_AXIS {
            return Err(format!("{} is too long to be cut", graph.tensors[id].name));
        }
        let wanted: Vec<usize> = (0..repeats as usize)
            .flat_map(|turn| kept.iter().map(move |&at| turn * class.channels as usize + at))
            .collect();
        let Some(cut) = edit::take(&graph.tensors[id], axis, &wanted) else {
            return Err(format!("{} has no {} channels", graph.tensors[id].name, class.channels));
        };
        graph.tensors[id] = cut;
    }
    edit::infer_again(graph)?;
    Ok(is_chosen)
}

/// The channels with the largest sums of magnitudes over all weights that make them, in their order,
/// and whether there were values to choose by. This is magnitude pruning of filters (H. Li et al.,
/// "Pruning filters for efficient ConvNets", 2017).
fn strongest(graph: &Graph, class: &Class, count: usize) -> (Vec<usize>, bool) {
    let channels = class.channels as usize;
    let mut sums = vec![0.0f64; channels];
    let mut is_chosen = true;
    for &(id, axis) in &class.makers {
        match edit::magnitudes(&graph.tensors[id], axis) {
            Some(own) => sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own),
            None => is_chosen = false,
        }
    }
    let mut order: Vec<usize> = (0..channels).collect();
    if is_chosen {
        order.sort_by(|&a, &b| sums[b].total_cmp(&sums[a]).then(a.cmp(&b)));
    }
    order.truncate(count);
    order.sort_unstable();
    (order, is_chosen)
}
