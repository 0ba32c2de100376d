//! What each operator becomes.

use cofit_ir::ops::window::Window;
use cofit_ir::{Activation, Extent2d, Op, Operator, Padding, TensorId};
use cofit_vocab::ElementType;

use super::values::{TO_FIRST, Writer, int, ints, order, real, word};
use crate::onnx::proto::{AttributeProto, data_type};

/// The window of a node: kernel, strides, dilations and border.
fn window(window: &Window, map: &[u32], padding: Padding) -> Option<Vec<AttributeProto>> {
    let &[_, height, width, _] = map else { return None };
    let border = window.padding_amounts(height, width, padding).ok()?;
    let pair = |extent: Extent2d| [i64::from(extent.height), i64::from(extent.width)];
    let pads = [border.top, border.left, border.bottom, border.right].map(i64::from);
    Some(vec![
        ints("kernel_shape", &pair(window.kernel)),
        ints("strides", &pair(window.stride)),
        ints("pads", &pads),
    ])
}

/// The axis of a map with channels first.
fn moved(axis: usize) -> usize {
    TO_FIRST.iter().position(|&own| own == axis).unwrap_or(axis)
}

impl Writer<'_> {
    /// Adds an operator's nodes; `None` where the format has none.
    pub(super) fn operator(&mut self, operator: &Operator) -> Option<()> {
        let &[result] = operator.outputs.as_slice() else { return None };
        self.whole = self.name(result);
        let before = self.nodes.len();
        let (computed, fused) = self.computed(operator, result)?;
        let computed = self.activated(&computed, fused)?;
        let tensor = &self.graph.tensors[result];
        // A float that a node of this operator computed takes the value's name; no node of others may be
        // renamed.
        let is_own = self.nodes.len() > before
            && self.nodes.last().is_some_and(|node| node.output.contains(&computed));
        if (tensor.quantisation.is_none() || tensor.element.is_float()) && is_own {
            let name = self.name(result);
            if let Some(node) = self.nodes.last_mut() {
                node.output = vec![name];
            }
            return Some(());
        }
        self.settle(&computed, result);
        Some(())
    }

    /// Applies what runs inside an operator.
    fn activated(&mut self, x: &str, activation: Activation) -> Option<String> {
        Some(match activation {
            Activation::None => x.to_owned(),
            Activation::Relu => self.between("Relu", &[x], Vec::new()),
            Activation::Relu6 => self.clipped(x, 0.0, 6.0),
            Activation::ReluN1To1 => self.clipped(x, -1.0, 1.0),
            Activation::Tanh => self.between("Tanh", &[x], Vec::new()),
            Activation::SignBit => return None,
        })
    }

    fn clipped(&mut self, x: &str, least: f32, most: f32) -> String {
        let (least, most) = (self.number("least", least), self.number("most", most));
        self.between("Clip", &[x, &least, &most], Vec::new())
    }

    fn shape(&self, id: TensorId) -> Vec<u32> {
        self.graph.tensors[id].shape.dimensions().to_vec()
    }

    /// The whole numbers of constant operand `index`.
    fn integers(&self, operator: &Operator, index: usize) -> Option<Vec<i64>> {
        self.graph.tensors[operator.input(index)?].integers()
    }

    /// A value in another shape, as the model has it.
    fn reshaped(&mut self, x: &str, lengths: &[u32]) -> String {
        let lengths: Vec<i64> = lengths.iter().map(|&length| i64::from(length)).collect();
        let lengths = self.list("shape", &lengths);
        self.between("Reshape", &[x, &lengths], Vec::new())
    }

    /// Operands alike: with channels first where all are maps and one of them has them so.
    fn alike(&mut self, operands: &[TensorId], result: TensorId) -> Option<(Vec<String>, bool)> {
        let fits = |id: &TensorId| {
            let tensor = &self.graph.tensors[*id];
            tensor.shape.rank() == 4 || tensor.is_constant() && tensor.shape.rank() <= 1
        };
        let is_first = self.graph.tensors[result].shape.rank() == 4
            && operands.iter().all(fits)
            && operands.iter().any(|id| self.first.contains(id));
        if is_first {
            self.first.insert(result);
        }
        let mut names = Vec::with_capacity(operands.len());
        for &id in operands {
            names.push(if is_first { self.map(id)? } else { self.plain(id)? });
        }
        Some((names, is_first))
    }

    /// A function of single elements by one node.
    fn function(
        &mut self,
        operator: &Operator,
        result: TensorId,
        op_type: &str,
        attributes: Vec<AttributeProto>,
    ) -> Option<(String, Activation)> {
        let (names, _) = self.alike(&[operator.input(0)?], result)?;
        Some((self.between(op_type, &[names.first()?], attributes), Activation::None))
    }

    /// A function of two elements by one node.
    fn pairing(
        &mut self,
        operator: &Operator,
        result: TensorId,
        op_type: &str,
        fused: Activation,
    ) -> Option<(String, Activation)> {
        let (names, _) = self.alike(&[operator.input(0)?, operator.input(1)?], result)?;
        let [one, two] = names.as_slice() else { return None };
        Some((self.between(op_type, &[one, two], Vec::new()), fused))
    }

    /// A convolution with weights at 1 and perhaps a bias at 2.
    fn convolution(
        &mut self,
        operator: &Operator,
        result: TensorId,
        (stride, dilation, padding): (Extent2d, Extent2d, Padding),
        is_depthwise: bool,
    ) -> Option<String> {
        let (input, weights) = (operator.input(0)?, operator.input(1)?);
        let map = self.shape(input);
        let &[outer, height, width, inner] = self.shape(weights).as_slice() else { return None };
        let kernel = Extent2d::new(height, width);
        let mut attributes = window(&Window { kernel, stride, dilation }, &map, padding)?;
        let dilations = [i64::from(dilation.height), i64::from(dilation.width)];
        attributes.push(ints("dilations", &dilations));
        let depth = *map.last()?;
        let (groups, axes) = match is_depthwise {
            true => (depth, [3, 0, 1, 2]),
            false => (depth / inner.max(1), TO_FIRST),
        };
        if is_depthwise && outer != 1 {
            return None;
        }
        attributes.push(int("group", i64::from(groups)));
        let x = self.map(input)?;
        let w = self.constant(weights, &axes, None)?;
        let mut inputs = vec![x, w];
        if let Some(bias) = operator.input(2) {
            inputs.push(self.constant(bias, &[0], None)?);
        }
        self.first.insert(result);
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        Some(self.between("Conv", &inputs, attributes))
    }

    fn pool(
        &mut self,
        operator: &Operator,
        result: TensorId,
        op_type: &str,
        (filter, stride, padding): (Extent2d, Extent2d, Padding),
    ) -> Option<String> {
        let input = operator.input(0)?;
        let map = self.shape(input);
        let sliding = Window { kernel: filter, stride, dilation: Extent2d::ONE };
        let attributes = window(&sliding, &map, padding)?;
        let x = self.map(input)?;
        self.first.insert(result);
        Some(self.between(op_type, &[&x], attributes))
    }

    fn reduction(
        &mut self,
        operator: &Operator,
        result: TensorId,
        op_type: &str,
        keeps: bool,
    ) -> Option<String> {
        let input = operator.input(0)?;
        let shape = &self.graph.tensors[input].shape;
        let axes: Option<Vec<usize>> =
            self.integers(operator, 1)?.iter().map(|&axis| shape.resolve_axis(axis)).collect();
        let mut axes = axes?;
        let is_first = keeps && self.first.contains(&input);
        let x = if is_first { self.map(input)? } else { self.plain(input)? };
        if is_first {
            self.first.insert(result);
            axes = axes.into_iter().map(moved).collect();
        }
        axes.sort_unstable();
        let axes = self.list("axes", &order(&axes));
        Some(self.between(op_type, &[&x, &axes], vec![int("keepdims", i64::from(keeps))]))
    }

    fn resize(
        &mut self,
        operator: &Operator,
        result: TensorId,
        is_bilinear: bool,
        (are_corners, are_centres): (bool, bool),
    ) -> Option<String> {
        let &[batch, height, width, channels] = self.shape(result).as_slice() else { return None };
        let x = self.map(operator.input(0)?)?;
        self.first.insert(result);
        let sizes = [batch, channels, height, width].map(i64::from);
        let sizes = self.list("sizes", &sizes);
        let transformation = match (are_corners, are_centres) {
            (true, _) => "align_corners",
            (false, true) => "half_pixel",
            (false, false) => "asymmetric",
        };
        let mut attributes = vec![
            word("mode", if is_bilinear { "linear" } else { "nearest" }),
            word("coordinate_transformation_mode", transformation),
        ];
        if !is_bilinear {
            // TFLite takes the element that the position lies in; where corners coincide it rounds.
            let rounding = if are_corners || are_centres { "round_prefer_ceil" } else { "floor" };
            attributes.push(word("nearest_mode", rounding));
        }
        Some(self.between("Resize", &[&x, "", "", &sizes], attributes))
    }

    /// The floats of an operator under a name, and what runs behind it.
    fn computed(&mut self, operator: &Operator, result: TensorId) -> Option<(String, Activation)> {
        let none = |name: String| Some((name, Activation::None));
        match &operator.op {
            Op::Conv2d(op) => {
                let how = (op.stride, op.dilation, op.padding);
                Some((self.convolution(operator, result, how, false)?, op.activation))
            }
            Op::DepthwiseConv2d(op) => {
                let how = (op.stride, op.dilation, op.padding);
                Some((self.convolution(operator, result, how, true)?, op.activation))
            }
            Op::TransposeConv2d(op) => {
                let (weights, input) = (operator.input(1)?, operator.input(2)?);
                let &[_, height, width, _] = self.shape(weights).as_slice() else { return None };
                let sliding = Window {
                    kernel: Extent2d::new(height, width),
                    stride: op.stride,
                    dilation: Extent2d::ONE,
                };
                let output = self.shape(result);
                let mut attributes = window(&sliding, &output, op.padding)?;
                let &[_, rows, columns, _] = self.shape(input).as_slice() else { return None };
                // What a window smaller than the stride leaves uncovered at the end.
                let lack = |output: u32, input: u32, kernel: u32, stride: u32| {
                    let whole = u64::from(input.saturating_sub(1)) * u64::from(stride);
                    i64::from(output) - (whole + u64::from(kernel)) as i64
                };
                let lacking = [
                    lack(*output.get(1)?, rows, height, op.stride.height).max(0),
                    lack(*output.get(2)?, columns, width, op.stride.width).max(0),
                ];
                attributes.push(ints("output_padding", &lacking));
                let x = self.map(input)?;
                let w = self.constant(weights, &[3, 0, 1, 2], None)?;
                let mut inputs = vec![x, w];
                if let Some(bias) = operator.input(3) {
                    inputs.push(self.constant(bias, &[0], None)?);
                }
                self.first.insert(result);
                let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
                Some((self.between("ConvTranspose", &inputs, attributes), op.activation))
            }
            Op::FullyConnected(op) => {
                let (input, weights) = (operator.input(0)?, operator.input(1)?);
                if !self.graph.tensors[weights].is_constant() {
                    return None;
                }
                let depth = self.graph.tensors[weights].shape.last();
                let output = self.shape(result);
                let (&units, outer) = output.split_last()?;
                let rows = outer.iter().fold(1u32, |rows, &length| rows.saturating_mul(length));
                let mut x = self.plain(input)?;
                if self.shape(input) != [rows, depth] {
                    x = self.reshaped(&x, &[rows, depth]);
                }
                let w = self.constant(weights, &[0, 1], None)?;
                let mut inputs = vec![x, w];
                if let Some(bias) = operator.input(2) {
                    inputs.push(self.constant(bias, &[0], Some(&[units]))?);
                }
                let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
                let mut y = self.between("Gemm", &inputs, vec![int("transB", 1)]);
                if output != [rows, units] {
                    y = self.reshaped(&y, &output);
                }
                Some((y, op.activation))
            }
            Op::BatchNormalization(op) => {
                let input = operator.input(0)?;
                let shape = self.shape(input);
                let is_map = shape.len() == 4;
                let mut x = if is_map { self.map(input)? } else { self.plain(input)? };
                let channels = *shape.last()?;
                if !is_map && shape.len() != 2 {
                    let elements = self.graph.tensors[input].shape.elements();
                    let rows = u32::try_from(elements / u64::from(channels.max(1))).ok()?;
                    x = self.reshaped(&x, &[rows, channels]);
                }
                let mut inputs = vec![x];
                for index in 1..=4 {
                    inputs.push(self.constant(operator.input(index)?, &[0], None)?);
                }
                let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
                let attributes = vec![real("epsilon", op.epsilon)];
                let mut y = self.between("BatchNormalization", &inputs, attributes);
                if is_map {
                    self.first.insert(result);
                } else if shape.len() != 2 {
                    y = self.reshaped(&y, &shape);
                }
                none(y)
            }
            Op::MaxPool2d(op) => {
                let how = (op.filter, op.stride, op.padding);
                Some((self.pool(operator, result, "MaxPool", how)?, op.activation))
            }
            Op::AveragePool2d(op) => {
                let how = (op.filter, op.stride, op.padding);
                Some((self.pool(operator, result, "AveragePool", how)?, op.activation))
            }
            Op::Relu(_) => self.function(operator, result, "Relu", Vec::new()),
            Op::Relu6(_) => {
                let (names, _) = self.alike(&[operator.input(0)?], result)?;
                none(self.clipped(names.first()?, 0.0, 6.0))
            }
            Op::ReluN1To1(_) => {
                let (names, _) = self.alike(&[operator.input(0)?], result)?;
                none(self.clipped(names.first()?, -1.0, 1.0))
            }
            Op::Tanh(_) => self.function(operator, result, "Tanh", Vec::new()),
            Op::Logistic(_) => self.function(operator, result, "Sigmoid", Vec::new()),
            Op::HardSwish(_) => self.function(operator, result, "HardSwish", Vec::new()),
            Op::LeakyRelu(op) => {
                self.function(operator, result, "LeakyRelu", vec![real("alpha", op.alpha)])
            }
            Op::Elu(_) => self.function(operator, result, "Elu", Vec::new()),
            Op::Gelu(op) => {
                let how = if op.approximate { "tanh" } else { "none" };
                self.function(operator, result, "Gelu", vec![word("approximate", how)])
            }
            Op::Exp(_) => self.function(operator, result, "Exp", Vec::new()),
            Op::Sqrt(_) => self.function(operator, result, "Sqrt", Vec::new()),
            Op::Abs(_) => self.function(operator, result, "Abs", Vec::new()),
            Op::Neg(_) => self.function(operator, result, "Neg", Vec::new()),
            Op::Rsqrt(_) => {
                let (root, _) = self.function(operator, result, "Sqrt", Vec::new())?;
                none(self.between("Reciprocal", &[&root], Vec::new()))
            }
            Op::Square(_) => {
                let (names, _) = self.alike(&[operator.input(0)?], result)?;
                let x = names.first()?;
                none(self.between("Mul", &[x, x], Vec::new()))
            }
            Op::Add(op) => self.pairing(operator, result, "Add", op.activation),
            Op::Sub(op) => self.pairing(operator, result, "Sub", op.activation),
            Op::Mul(op) => self.pairing(operator, result, "Mul", op.activation),
            Op::Div(op) => self.pairing(operator, result, "Div", op.activation),
            Op::Maximum(_) => self.pairing(operator, result, "Max", Activation::None),
            Op::Minimum(_) => self.pairing(operator, result, "Min", Activation::None),
            Op::SquaredDifference(_) => {
                let (difference, _) = self.pairing(operator, result, "Sub", Activation::None)?;
                none(self.between("Mul", &[&difference, &difference], Vec::new()))
            }
            Op::Softmax(op) => {
                let (names, is_first) = self.alike(&[operator.input(0)?], result)?;
                let mut x = names.first()?.clone();
                if op.beta != 1.0 {
                    let beta = self.number("beta", op.beta);
                    x = self.between("Mul", &[&x, &beta], Vec::new());
                }
                let axis = if is_first { 1 } else { -1 };
                none(self.between("Softmax", &[&x], vec![int("axis", axis)]))
            }
            Op::Concatenation(op) => {
                let operands: Option<Vec<TensorId>> = operator.inputs.iter().copied().collect();
                let (names, is_first) = self.alike(&operands?, result)?;
                let axis = self.graph.tensors[result].shape.resolve_axis(i64::from(op.axis))?;
                let axis = if is_first { moved(axis) } else { axis };
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let y = self.between("Concat", &names, vec![int("axis", axis as i64)]);
                Some((y, op.activation))
            }
            Op::Reshape(_) | Op::Squeeze(_) | Op::ExpandDims(_) => {
                let input = operator.input(0)?;
                // One pixel reads the same in either order.
                let x = match *self.shape(input).as_slice() {
                    [_, 1, 1, _] => self.name(input),
                    _ => self.plain(input)?,
                };
                let lengths = self.shape(result);
                none(self.reshaped(&x, &lengths))
            }
            Op::Transpose(_) => {
                let perm = self.integers(operator, 1)?;
                let x = self.plain(operator.input(0)?)?;
                none(self.between("Transpose", &[&x], vec![ints("perm", &perm)]))
            }
            Op::Pad(_) if operator.input(2).is_none() => {
                let input = operator.input(0)?;
                let border = self.integers(operator, 1)?;
                let (names, is_first) = self.alike(&[input], result)?;
                let mut pairs: Vec<&[i64]> = border.chunks_exact(2).collect();
                if let (true, &[n, h, w, c]) = (is_first, pairs.as_slice()) {
                    pairs = vec![n, c, h, w];
                }
                let side = |at: usize| pairs.iter().map(move |pair| pair[at]);
                let pads: Vec<i64> = side(0).chain(side(1)).collect();
                let pads = self.list("pads", &pads);
                none(self.between("Pad", &[names.first()?, &pads], Vec::new()))
            }
            Op::ResizeBilinear(op) => {
                let how = (op.align_corners, op.half_pixel_centers);
                none(self.resize(operator, result, true, how)?)
            }
            Op::ResizeNearestNeighbor(op) => {
                let how = (op.align_corners, op.half_pixel_centers);
                none(self.resize(operator, result, false, how)?)
            }
            Op::Mean(op) => none(self.reduction(operator, result, "ReduceMean", op.keep_dims)?),
            Op::Sum(op) => none(self.reduction(operator, result, "ReduceSum", op.keep_dims)?),
            Op::ReduceMax(op) => {
                none(self.reduction(operator, result, "ReduceMax", op.keep_dims)?)
            }
            Op::ReduceMin(op) => {
                none(self.reduction(operator, result, "ReduceMin", op.keep_dims)?)
            }
            Op::BatchMatMul(op) => {
                let mut names = Vec::new();
                for (index, is_turned) in [(0, op.adj_x), (1, op.adj_y)] {
                    let id = operator.input(index)?;
                    let mut x = self.plain(id)?;
                    let rank = self.graph.tensors[id].shape.rank();
                    if is_turned && rank >= 2 {
                        let mut axes: Vec<usize> = (0..rank).collect();
                        axes.swap(rank - 1, rank - 2);
                        x = self.between("Transpose", &[&x], vec![ints("perm", &order(&axes))]);
                    }
                    names.push(x);
                }
                let [one, two] = names.as_slice() else { return None };
                none(self.between("MatMul", &[one, two], Vec::new()))
            }
            Op::Slice(_) => {
                let begin = self.integers(operator, 1)?;
                let lengths = self.shape(result);
                let (names, is_first) = self.alike(&[operator.input(0)?], result)?;
                let mut ranges: Vec<[i64; 2]> = begin
                    .iter()
                    .zip(lengths)
                    .map(|(&first, length)| [first, first.saturating_add(i64::from(length))])
                    .collect();
                if let (true, &[n, h, w, c]) = (is_first, ranges.as_slice()) {
                    ranges = vec![n, c, h, w];
                }
                let starts: Vec<i64> = ranges.iter().map(|range| range[0]).collect();
                let ends: Vec<i64> = ranges.iter().map(|range| range[1]).collect();
                let (starts, ends) = (self.list("starts", &starts), self.list("ends", &ends));
                none(self.between("Slice", &[names.first()?, &starts, &ends], Vec::new()))
            }
            // A value of other integers is rounded to them; one of floats is what it was.
            Op::Quantize(_) | Op::Dequantize(_) => {
                let (names, _) = self.alike(&[operator.input(0)?], result)?;
                none(self.between("Identity", &[names.first()?], Vec::new()))
            }
            Op::Cast(_) => {
                let element = self.graph.tensors[result].element;
                let to = match element {
                    ElementType::Float32 => data_type::FLOAT,
                    ElementType::Int32 => data_type::INT32,
                    ElementType::Int64 => data_type::INT64,
                    ElementType::Bool
                    | ElementType::Int1
                    | ElementType::Int2
                    | ElementType::Int4
                    | ElementType::Int8
                    | ElementType::UInt8
                    | ElementType::Int16
                    | ElementType::UInt16
                    | ElementType::UInt32
                    | ElementType::Float16
                    | ElementType::Float64 => return None,
                };
                self.function(operator, result, "Cast", vec![int("to", i64::from(to))])
            }
            Op::Pad(_)
            | Op::ArgMax(_)
            | Op::ArgMin(_)
            | Op::AssignVariable(_)
            | Op::BatchToSpaceNd(_)
            | Op::BroadcastTo(_)
            | Op::CallOnce(_)
            | Op::Ceil(_)
            | Op::Cos(_)
            | Op::Cumsum(_)
            | Op::Custom(_)
            | Op::DepthToSpace(_)
            | Op::Equal(_)
            | Op::Erf(_)
            | Op::Fill(_)
            | Op::Floor(_)
            | Op::FloorDiv(_)
            | Op::FloorMod(_)
            | Op::Gather(_)
            | Op::GatherNd(_)
            | Op::Greater(_)
            | Op::GreaterEqual(_)
            | Op::Gru(_)
            | Op::L2Normalization(_)
            | Op::Less(_)
            | Op::LessEqual(_)
            | Op::Log(_)
            | Op::LogSoftmax(_)
            | Op::LogicalAnd(_)
            | Op::LogicalNot(_)
            | Op::LogicalOr(_)
            | Op::MirrorPad(_)
            | Op::NotEqual(_)
            | Op::Pack(_)
            | Op::Pow(_)
            | Op::Prelu(_)
            | Op::ReadVariable(_)
            | Op::ReduceProd(_)
            | Op::Reverse(_)
            | Op::Round(_)
            | Op::Select(_)
            | Op::Shape(_)
            | Op::Sign(_)
            | Op::Sin(_)
            | Op::SpaceToBatchNd(_)
            | Op::SpaceToDepth(_)
            | Op::Split(_)
            | Op::SplitV(_)
            | Op::StridedSlice(_)
            | Op::Svdf(_)
            | Op::Tile(_)
            | Op::UnidirectionalSequenceLstm(_)
            | Op::Unpack(_)
            | Op::VarHandle(_)
            | Op::While(_) => None,
        }
    }
}
