//! Building the graph: one operator at a time, with its shape from the operator's own rule.

use cofit_ir::ops::{
    Add, AveragePool2d, BatchNormalization, Cast, Concatenation, Conv2d, DepthwiseConv2d,
    Dequantize, FullyConnected, HardSwish, LeakyRelu, Logistic, MaxPool2d, Mul, Pad, Quantize,
    Relu, Relu6, ReluN1To1, Reshape, ResizeNearestNeighbor, Softmax, Tanh,
};
use cofit_ir::{
    Activation, Extent2d, Graph, Op, Operands, Operator, Origin, Padding, Quantisation, RuleError,
    Shape, Tensor, TensorId,
};
use cofit_vocab::ElementType;

use super::ranges::ValueRange;
use super::{Weights, limits};

/// Why an operator was not built.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum BuildError {
    /// The operator's shape rule says no.
    Rule(String),
    /// A limit was reached.
    Limit(String),
}

impl From<RuleError> for BuildError {
    fn from(error: RuleError) -> Self {
        Self::Rule(error.to_string())
    }
}

pub(super) type Built = Result<TensorId, BuildError>;

/// Element types of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Precision {
    pub(super) weights: ElementType,
    pub(super) activations: ElementType,
}

/// What follows a sum of products, an activation of the sketch's vocabulary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Nonlinearity {
    None,
    Relu,
    Relu6,
    ReluN1To1,
    LeakyRelu(f32),
    HardSwish,
    Swish,
    Sigmoid,
    HardSigmoid,
    Tanh,
}

impl Nonlinearity {
    /// The activation that runs inside the operator, and the one left for an operator of its own.
    pub(super) const fn split(self) -> (Activation, Self) {
        match self {
            Self::None => (Activation::None, Self::None),
            Self::Relu => (Activation::Relu, Self::None),
            Self::Relu6 => (Activation::Relu6, Self::None),
            Self::ReluN1To1 => (Activation::ReluN1To1, Self::None),
            Self::LeakyRelu(_)
            | Self::HardSwish
            | Self::Swish
            | Self::Sigmoid
            | Self::HardSigmoid
            | Self::Tanh => (Activation::None, self),
        }
    }
}

/// The range that an activation inside an operator leaves.
pub(super) const fn fused_range(activation: Activation) -> ValueRange {
    match activation {
        Activation::None => ValueRange::Linear,
        Activation::Relu | Activation::Relu6 => ValueRange::Rectified,
        Activation::ReluN1To1 | Activation::Tanh | Activation::SignBit => ValueRange::Unit,
    }
}

/// Whether a convolution mixes channels, and to how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mixing {
    /// To so many channels, from so many groups.
    Dense { channels: u32, groups: u32 },
    /// So many results of each channel.
    Depthwise { multiplier: u32 },
}

/// A convolution with what follows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Convolution {
    pub(super) mixing: Mixing,
    pub(super) kernel: Extent2d,
    pub(super) stride: Extent2d,
    pub(super) dilation: Extent2d,
    pub(super) padding: Padding,
    pub(super) nonlinearity: Nonlinearity,
    pub(super) bias: Bias,
    pub(super) normalisation: Normalisation,
}

/// Whether a bias is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bias {
    Present,
    Absent,
}

/// Where batch normalisation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Normalisation {
    /// Into weights and bias, or there is none.
    Folded,
    /// Into an operator of its own.
    Separate,
}

/// Largest or average element of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooling {
    Largest,
    Average,
}

/// A graph in the making.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) graph: Graph,
    pub(super) origin: Origin,
    pub(super) weights: Weights,
    pub(super) constants: u64,
    pub(super) channels: u64,
    pub(super) weight_bytes: u64,
}

impl Builder {
    pub(super) fn new(name: &str, weights: Weights) -> Self {
        Self {
            graph: Graph { name: name.to_owned(), ..Graph::default() },
            origin: Origin::default(),
            weights,
            constants: 0,
            channels: 0,
            weight_bytes: 0,
        }
    }

    pub(super) fn element(&self, id: TensorId) -> ElementType {
        self.graph.tensors[id].element
    }

    pub(super) fn shape(&self, id: TensorId) -> &Shape {
        &self.graph.tensors[id].shape
    }

    /// Adds the model's input.
    pub(super) fn input(&mut self, shape: Shape, element: ElementType) -> Built {
        check_elements(&shape)?;
        let mut tensor = Tensor::activation("input", element, shape);
        tensor.quantisation = ValueRange::Input.quantisation(element);
        let id = self.graph.tensor(tensor);
        self.graph.inputs.push(id);
        Ok(id)
    }

    /// Appends an operator with one result of type `element`.
    pub(super) fn emit(
        &mut self,
        op: impl Into<Op>,
        inputs: &[TensorId],
        name: String,
        element: ElementType,
        quantisation: Option<Quantisation>,
    ) -> Built {
        if self.graph.operators.len() >= limits::OPERATORS {
            return Err(BuildError::Limit(format!(
                "the sketch expands to more than {} operators",
                limits::OPERATORS
            )));
        }
        let mut operator = Operator::new(op.into(), inputs, &[]);
        let facts = operator.op.infer(&Operands::new(&self.graph, &operator))?;
        let Some(shape) = facts.into_iter().next().and_then(|fact| fact.shape) else {
            return Err(BuildError::Rule(format!(
                "the result of `{}` has no known shape",
                operator.kind()
            )));
        };
        check_elements(&shape)?;
        let mut tensor = Tensor::activation(name, element, shape);
        tensor.quantisation = quantisation;
        tensor.origin = self.origin;
        let output = self.graph.tensor(tensor);
        operator.outputs.push(output);
        operator.origin = self.origin;
        self.graph.operator(operator);
        Ok(output)
    }

    /// An operator whose result maps integers to reals like its first input.
    pub(super) fn emit_alike(
        &mut self,
        op: impl Into<Op>,
        inputs: &[TensorId],
        name: String,
    ) -> Built {
        let Some(first) = inputs.first().map(|&id| &self.graph.tensors[id]) else {
            return Err(BuildError::Rule("the operator has no operand".to_owned()));
        };
        let (element, quantisation) = (first.element, first.quantisation.clone());
        self.emit(op, inputs, name, element, quantisation)
    }

    /// An operator whose result takes values of `range`.
    pub(super) fn emit_ranged(
        &mut self,
        op: impl Into<Op>,
        inputs: &[TensorId],
        name: String,
        range: ValueRange,
    ) -> Built {
        let element = inputs.first().map_or(ElementType::Float32, |&id| self.element(id));
        self.emit(op, inputs, name, element, range.quantisation(element))
    }

    /// The same values in another element type.
    pub(super) fn convert(&mut self, x: TensorId, element: ElementType, name: &str) -> Built {
        let own = self.element(x);
        if own == element {
            return Ok(x);
        }
        let x = if own.is_float() && own != ElementType::Float32
            || !own.is_float() && element.is_float()
        {
            let name = format!("{name}/dequantize");
            self.emit(Dequantize {}, &[x], name, ElementType::Float32, None)?
        } else {
            x
        };
        if self.element(x) == element {
            return Ok(x);
        }
        if element.is_float() {
            return self.emit(Cast {}, &[x], format!("{name}/cast"), element, None);
        }
        // Integers of another width keep their range; floats are taken to be normalised.
        let range = match &self.graph.tensors[x].quantisation {
            Some(own) => own_range(own, self.element(x)),
            None => ValueRange::Linear,
        };
        let quantisation = range.quantisation(element);
        self.emit(Quantize {}, &[x], format!("{name}/quantize"), element, quantisation)
    }

    /// A convolution, its batch normalisation and its activation.
    pub(super) fn convolution(
        &mut self,
        x: TensorId,
        convolution: &Convolution,
        precision: Precision,
        name: &str,
    ) -> Built {
        let Some([_, _, _, depth]) = self.shape(x).as_nhwc() else {
            return Err(BuildError::Rule(format!("the input has shape {}", self.shape(x))));
        };
        // TFLite's convolutions cannot hold a border of their own, and its converters write it so.
        let (x, padding) = match convolution.padding {
            Padding::Explicit { top: 0, bottom: 0, left: 0, right: 0 } => (x, Padding::Valid),
            Padding::Explicit { top, bottom, left, right } => {
                let padded = self.pad(x, [top, bottom, left, right], &format!("{name}/pad"))?;
                (padded, Padding::Valid)
            }
            Padding::Same | Padding::Valid => (x, convolution.padding),
        };
        let kernel = convolution.kernel;
        let (shape, axis, channels, fan_in) = match convolution.mixing {
            Mixing::Dense { channels, groups } => {
                if groups == 0 || !depth.is_multiple_of(groups) {
                    return Err(BuildError::Rule(format!(
                        "{depth} input channels do not divide into {groups} groups"
                    )));
                }
                let per_group = depth / groups;
                let shape = Shape::new(&[channels, kernel.height, kernel.width, per_group]);
                let fan_in = kernel.area().saturating_mul(u64::from(per_group));
                (shape, 0, channels, fan_in)
            }
            Mixing::Depthwise { multiplier } => {
                let channels = depth.checked_mul(multiplier).ok_or_else(|| {
                    BuildError::Limit(format!("{depth} times {multiplier} channels are too many"))
                })?;
                let shape = Shape::new(&[1, kernel.height, kernel.width, channels]);
                (shape, 3, channels, kernel.area())
            }
        };
        let weights =
            self.weights(format!("{name}/weights"), precision.weights, shape, Some(axis), fan_in)?;
        let mut inputs = vec![x, weights];
        if convolution.bias == Bias::Present {
            inputs.push(self.bias(format!("{name}/bias"), x, weights, channels)?);
        }
        let (fused, own) = match convolution.normalisation {
            Normalisation::Folded => convolution.nonlinearity.split(),
            Normalisation::Separate => (Activation::None, convolution.nonlinearity),
        };
        let Convolution { stride, dilation, .. } = *convolution;
        let op: Op = match convolution.mixing {
            Mixing::Dense { .. } => Conv2d { stride, dilation, padding, activation: fused }.into(),
            Mixing::Depthwise { multiplier } => {
                DepthwiseConv2d { stride, dilation, padding, activation: fused, multiplier }.into()
            }
        };
        let sum = self.emit_ranged(op, &inputs, name.to_owned(), fused_range(fused))?;
        let sum = match convolution.normalisation {
            Normalisation::Folded => sum,
            Normalisation::Separate => self.normalise(sum, channels, name)?,
        };
        self.nonlinearity(sum, own, name)
    }

    /// Batch normalisation as an operator.
    fn normalise(&mut self, x: TensorId, channels: u32, name: &str) -> Built {
        let [gamma, beta, mean, variance] = self.statistics(name, channels)?;
        let op = BatchNormalization::default();
        let inputs = [x, gamma, beta, mean, variance];
        self.emit_ranged(op, &inputs, format!("{name}/batch_norm"), ValueRange::Linear)
    }

    /// An activation as an operator of its own.
    pub(super) fn nonlinearity(
        &mut self,
        x: TensorId,
        nonlinearity: Nonlinearity,
        name: &str,
    ) -> Built {
        let named = |part: &str| format!("{name}/{part}");
        match nonlinearity {
            Nonlinearity::None => Ok(x),
            Nonlinearity::Relu => {
                self.emit_ranged(Relu {}, &[x], named("relu"), ValueRange::Rectified)
            }
            Nonlinearity::Relu6 => {
                self.emit_ranged(Relu6 {}, &[x], named("relu6"), ValueRange::Rectified)
            }
            Nonlinearity::ReluN1To1 => {
                self.emit_ranged(ReluN1To1 {}, &[x], named("relu_n1_to_1"), ValueRange::Unit)
            }
            Nonlinearity::LeakyRelu(alpha) => {
                let op = LeakyRelu { alpha };
                self.emit_ranged(op, &[x], named("leaky_relu"), ValueRange::Linear)
            }
            Nonlinearity::HardSwish => {
                self.emit_ranged(HardSwish {}, &[x], named("hard_swish"), ValueRange::Swish)
            }
            Nonlinearity::Swish => {
                let gate = self.nonlinearity(x, Nonlinearity::Sigmoid, name)?;
                let op = Mul { activation: Activation::None };
                self.emit_ranged(op, &[x, gate], named("swish"), ValueRange::Swish)
            }
            Nonlinearity::Sigmoid => {
                self.emit_ranged(Logistic {}, &[x], named("sigmoid"), ValueRange::Probability)
            }
            Nonlinearity::HardSigmoid => self.hard_sigmoid(x, name),
            Nonlinearity::Tanh => self.emit_ranged(Tanh {}, &[x], named("tanh"), ValueRange::Tanh),
        }
    }

    /// A dense layer over all elements of the input.
    pub(super) fn dense(
        &mut self,
        x: TensorId,
        units: u32,
        nonlinearity: Nonlinearity,
        bias: Bias,
        precision: Precision,
        name: &str,
    ) -> Built {
        let x = self.flatten(x, &format!("{name}/flatten"))?;
        let depth = self.shape(x).last();
        let shape = Shape::new(&[units, depth]);
        let weights = self.weights(
            format!("{name}/weights"),
            precision.weights,
            shape,
            None,
            u64::from(depth),
        )?;
        let mut inputs = vec![x, weights];
        if bias == Bias::Present {
            inputs.push(self.bias(format!("{name}/bias"), x, weights, units)?);
        }
        let (fused, own) = nonlinearity.split();
        let op = FullyConnected { activation: fused, ..FullyConnected::default() };
        let sum = self.emit_ranged(op, &inputs, name.to_owned(), fused_range(fused))?;
        self.nonlinearity(sum, own, name)
    }

    /// All elements along one axis; nothing where that is so already.
    pub(super) fn flatten(&mut self, x: TensorId, name: &str) -> Built {
        if self.shape(x).rank() == 2 { Ok(x) } else { self.reshape(x, &[-1], name) }
    }

    /// Another shape behind the batch.
    pub(super) fn reshape(&mut self, x: TensorId, lengths: &[i32], name: &str) -> Built {
        let shape = [1].iter().chain(lengths).copied().collect();
        self.emit_alike(Reshape { shape }, &[x], name.to_owned())
    }

    pub(super) fn pool(
        &mut self,
        x: TensorId,
        pooling: Pooling,
        filter: Extent2d,
        stride: Extent2d,
        padding: Padding,
        name: &str,
    ) -> Built {
        let activation = Activation::None;
        let op: Op = match pooling {
            Pooling::Largest => MaxPool2d { filter, stride, padding, activation }.into(),
            Pooling::Average => AveragePool2d { filter, stride, padding, activation }.into(),
        };
        self.emit_alike(op, &[x], name.to_owned())
    }

    pub(super) fn softmax(&mut self, x: TensorId, name: &str) -> Built {
        let op = Softmax::default();
        self.emit_ranged(op, &[x], name.to_owned(), ValueRange::Probability)
    }

    /// The sum of two or more results.
    pub(super) fn add(
        &mut self,
        operands: &[TensorId],
        nonlinearity: Nonlinearity,
        name: &str,
    ) -> Built {
        let (fused, own) = nonlinearity.split();
        let Some((&first, rest)) = operands.split_first() else {
            return Err(BuildError::Rule("a sum needs operands".to_owned()));
        };
        let mut sum = first;
        for (index, &operand) in rest.iter().enumerate() {
            let last = index + 1 == rest.len();
            let activation = if last { fused } else { Activation::None };
            let name = if last { name.to_owned() } else { format!("{name}/sum{}", index + 1) };
            let op = Add { activation, ..Add::default() };
            sum = self.emit_ranged(op, &[sum, operand], name, fused_range(activation))?;
        }
        if rest.is_empty() {
            return self.nonlinearity(sum, nonlinearity, name);
        }
        self.nonlinearity(sum, own, name)
    }

    /// Results joined along the channels. An integer concatenation copies its operands, so that
    /// all have one scale: their own where they agree, otherwise that of the range around all.
    pub(super) fn concatenate(&mut self, operands: &[TensorId], name: &str) -> Built {
        let tensors = &self.graph.tensors;
        let own = operands.first().map(|&id| (tensors[id].element, &tensors[id].quantisation));
        let Some((element, first)) = own else {
            return Err(BuildError::Rule("a concatenation needs operands".to_owned()));
        };
        let agree = operands.iter().all(|&id| tensors[id].quantisation == *first);
        let common = if agree { first.clone() } else { ValueRange::Linear.quantisation(element) };
        let mut alike = Vec::with_capacity(operands.len());
        for (index, &operand) in operands.iter().enumerate() {
            alike.push(if self.graph.tensors[operand].quantisation == common {
                operand
            } else {
                let name = format!("{name}/quantize{}", index + 1);
                self.emit(Quantize {}, &[operand], name, element, common.clone())?
            });
        }
        let op = Concatenation { axis: -1, activation: Activation::None };
        self.emit_alike(op, &alike, name.to_owned())
    }

    /// A border of zeros.
    pub(super) fn pad(&mut self, x: TensorId, border: [u32; 4], name: &str) -> Built {
        let [top, bottom, left, right] = border;
        let rows = [[0, 0], [top, bottom], [left, right], [0, 0]];
        let bytes: Vec<u8> = rows.as_flattened().iter().flat_map(|n| n.to_le_bytes()).collect();
        let border = self.integers(format!("{name}/border"), &[4, 2], bytes);
        self.emit_alike(Pad {}, &[x, border], name.to_owned())
    }

    /// So many times the height and width.
    pub(super) fn upsample(&mut self, x: TensorId, factor: Extent2d, name: &str) -> Built {
        let Some([_, height, width, _]) = self.shape(x).as_nhwc() else {
            return Err(BuildError::Rule(format!("the input has shape {}", self.shape(x))));
        };
        let size = [height.checked_mul(factor.height), width.checked_mul(factor.width)];
        let [Some(height), Some(width)] = size.map(|n| n.filter(|&n| i32::try_from(n).is_ok()))
        else {
            return Err(BuildError::Limit("the result is too high or too wide".to_owned()));
        };
        let bytes: Vec<u8> = [height, width].iter().flat_map(|n| n.to_le_bytes()).collect();
        let size = self.integers(format!("{name}/size"), &[2], bytes);
        self.emit_alike(ResizeNearestNeighbor::default(), &[x, size], name.to_owned())
    }
}

/// The range that a quantisation of our own making stands for.
fn own_range(quantisation: &Quantisation, element: ElementType) -> ValueRange {
    [
        ValueRange::Input,
        ValueRange::Probability,
        ValueRange::Tanh,
        ValueRange::Unit,
        ValueRange::Rectified,
        ValueRange::Swish,
        ValueRange::Linear,
    ]
    .into_iter()
    .find(|range| range.quantisation(element).as_ref() == Some(quantisation))
    .unwrap_or(ValueRange::Linear)
}

/// Whether a tensor of this shape has elements, and not too many.
pub(super) fn check_elements(shape: &Shape) -> Result<(), BuildError> {
    let elements = shape.elements();
    if elements == 0 {
        return Err(BuildError::Rule(format!("a tensor of shape {shape} has no elements")));
    }
    if elements > limits::TENSOR_ELEMENTS {
        return Err(BuildError::Limit(format!(
            "a tensor of shape {shape} has more than {} elements",
            limits::TENSOR_ELEMENTS
        )));
    }
    Ok(())
}
