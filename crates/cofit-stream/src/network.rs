//! A graph as streaming sees it: maps of pixels, and stages that walk over them.
//!
//! A [`Value`] is what one or several tensors of the graph name: a view and what it is a view of are
//! one value. It is a grid of pixels, in rows; a pixel is the bytes of all channels at one position. A
//! [`Stage`] is an operator that computes. It walks over a grid of iterations, row by row; at each
//! it reads some pixels of its operands and writes one pixel of its result, or adds to sums that it
//! writes at the last. What cannot be walked so is done in a single iteration.

use cofit_ir::{Graph, Op, OperatorId, Shape, Tensor, TensorId, TensorRole};
use cofit_vocab::{ElementType, Macs};
use cranelift_entity::{PrimaryMap, SecondaryMap, entity_impl};
use smallvec::{SmallVec, smallvec};

use crate::channels::{ChannelRole, role_of};
use crate::walk::{Walk, kernel_of, walk_of};

/// A value: bytes that one or several tensors name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(u32);
entity_impl!(ValueId, "v");

/// A stage: an operator that computes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(u32);
entity_impl!(StageId, "stage");

/// Rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    /// Rows.
    pub rows: u32,
    /// Columns.
    pub columns: u32,
}

impl Grid {
    /// One position.
    pub const ONE: Self = Self { rows: 1, columns: 1 };

    /// Positions.
    pub const fn area(self) -> u64 {
        self.rows as u64 * self.columns as u64
    }
}

/// Bytes that one or several tensors name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The tensors, the one that is written first.
    pub tensors: SmallVec<[TensorId; 1]>,
    /// Its pixels. A value that is no map is one pixel.
    pub grid: Grid,
    /// Bytes of one pixel.
    pub pixel_bytes: u64,
    /// Whether it is fed from outside.
    pub is_input: bool,
    /// Whether it is read outside.
    pub is_output: bool,
}

impl Value {
    /// Bytes of all pixels.
    pub const fn bytes(&self) -> u64 {
        self.grid.area().saturating_mul(self.pixel_bytes)
    }
}

/// Which positions of an axis one iteration reads: every `dilation`-th of `span` from
/// `iteration * stride - before` on, as far as they exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Positions from the first that is read to the last, both included.
    pub span: u32,
    /// Positions from one that is read to the next.
    pub dilation: u32,
    /// Positions from one iteration to the next.
    pub stride: u32,
    /// Positions of the border before the first.
    pub before: u32,
}

impl Axis {
    /// Each iteration reads its own position.
    pub const SAME: Self = Self { span: 1, dilation: 1, stride: 1, before: 0 };

    /// The positions that iterations `from..to` read, of `length`; empty where all are border.
    pub fn reads(&self, from: u32, to: u32, length: u32) -> std::ops::Range<u32> {
        let (first, end) = self.ideal(from, to);
        let clip = |at: i64| u32::try_from(at.clamp(0, i64::from(length))).unwrap_or(0);
        let (first, end) = (clip(first), clip(end));
        first..end.max(first)
    }

    /// The positions that iterations `from..to` would read if there were no borders.
    pub fn ideal(&self, from: u32, to: u32) -> (i64, i64) {
        let at =
            |iteration: u32| i64::from(iteration) * i64::from(self.stride) - i64::from(self.before);
        (at(from), at(to.max(from + 1) - 1) + i64::from(self.span))
    }
}

/// Which pixels of an operand one iteration reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A window.
    Window {
        /// Over rows.
        rows: Axis,
        /// Over columns.
        columns: Axis,
    },
    /// All of them.
    All,
}

impl Reach {
    /// The pixel at the iteration's own position.
    pub const PIXEL: Self = Self::Window { rows: Axis::SAME, columns: Axis::SAME };

    /// The rows of a value with `grid` that iterations in rows `from..to` read.
    pub fn rows(&self, from: u32, to: u32, grid: Grid) -> std::ops::Range<u32> {
        match self {
            Self::Window { rows, .. } => rows.reads(from, to, grid.rows),
            Self::All => 0..grid.rows,
        }
    }

    /// The columns of a value with `grid` that iterations in columns `from..to` read.
    pub fn columns(&self, from: u32, to: u32, grid: Grid) -> std::ops::Range<u32> {
        match self {
            Self::Window { columns, .. } => columns.reads(from, to, grid.columns),
            Self::All => 0..grid.columns,
        }
    }
}

/// An operand that is computed or fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Its position among the operator's operands.
    pub operand: usize,
    /// The tensor.
    pub tensor: TensorId,
    /// Its value.
    pub value: ValueId,
    /// What one iteration reads of it.
    pub reach: Reach,
}

/// How a stage goes about its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Each iteration writes one pixel of the only result.
    Streamed {
        /// Whether an iteration may write its pixel over the one that it read at the same position.
        in_place: bool,
    },
    /// Each iteration adds one pixel of operand 0 to sums, which the last one turns into the result.
    Accumulated {
        /// Bytes of the sums.
        bytes: u64,
    },
    /// A single iteration reads and writes everything.
    Whole,
}

/// An operator that computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The operator.
    pub operator: OperatorId,
    /// How it goes about its work.
    pub manner: Manner,
    /// The grid that it walks over.
    pub grid: Grid,
    /// Computed and fed operands.
    pub reads: SmallVec<[Read; 2]>,
    /// Results.
    pub writes: SmallVec<[ValueId; 1]>,
    /// Multiply-accumulates of all iterations.
    pub macs: Macs,
    /// Bytes of its constants, which each call of its kernel reads, or by channels all calls together.
    pub constant_bytes: u64,
    /// What it can do with some of its channels.
    pub channels: ChannelRole,
}

/// Rows and columns of all stages together beyond which nothing is streamed: searches take time in
/// proportion to them. Networks for small devices have some ten thousand.
const MOST_POSITIONS: u64 = 1 << 20;

/// Pixels of all stages together beyond which nothing is streamed: checking a schedule takes time in
/// proportion to them. A network for images of 513 by 513 pixels has ten million.
const MOST_PIXELS: u64 = 1 << 25;

/// A graph as maps and stages.
#[derive(Clone, Debug)]
pub struct Network {
    /// The maps.
    pub values: PrimaryMap<ValueId, Value>,
    /// The stages, in an order in which they can run.
    pub stages: PrimaryMap<StageId, Stage>,
    /// The value of each tensor; `None` for constants, variables, and tensors nobody touches.
    pub value_of: SecondaryMap<TensorId, Option<ValueId>>,
}

impl Network {
    /// The maps and stages of a graph, its operators in the graph's order.
    pub fn of(graph: &Graph) -> Self {
        let order: Vec<OperatorId> = graph.operators.keys().collect();
        Self::in_order(graph, &order)
    }

    /// The maps and stages of a graph, its operators in `order`.
    pub fn in_order(graph: &Graph, order: &[OperatorId]) -> Self {
        let mut network = Self {
            values: PrimaryMap::new(),
            stages: PrimaryMap::new(),
            value_of: SecondaryMap::new(),
        };
        for &input in &graph.inputs {
            if let Some(value) = network.value(graph, input) {
                network.values[value].is_input = true;
            }
        }
        for &id in order {
            let operator = &graph.operators[id];
            if is_view(graph, id)
                && let (Some(input), Some(&output)) = (operator.input(0), operator.outputs.first())
                && let Some(value) = network.value(graph, input)
            {
                network.value_of[output] = Some(value);
                network.values[value].tensors.push(output);
                continue;
            }
            let stage = network.stage(graph, id);
            network.stages.push(stage);
        }
        for &output in &graph.outputs {
            if let Some(value) = network.value(graph, output) {
                network.values[value].is_output = true;
            }
        }
        network.stop_walks_that_are_too_long();
        network
    }

    /// Makes every stage a whole one where there are so many positions that a search would not end
    /// in reasonable time.
    fn stop_walks_that_are_too_long(&mut self) {
        let sum = |of: &dyn Fn(Grid) -> u64| {
            self.stages.values().map(|stage| of(stage.grid)).fold(0, u64::saturating_add)
        };
        let positions = sum(&|grid| u64::from(grid.rows) + u64::from(grid.columns));
        let pixels = sum(&|grid| grid.area());
        if positions <= MOST_POSITIONS && pixels <= MOST_PIXELS {
            return;
        }
        for stage in self.stages.values_mut() {
            stage.manner = Manner::Whole;
            stage.channels = ChannelRole::None;
            stage.grid = Grid::ONE;
            for read in &mut stage.reads {
                read.reach = Reach::All;
            }
        }
    }

    /// The value of a tensor, made where it has none yet.
    fn value(&mut self, graph: &Graph, tensor: TensorId) -> Option<ValueId> {
        let it = &graph.tensors[tensor];
        if it.role != TensorRole::Activation {
            return None;
        }
        if self.value_of[tensor].is_none() {
            let (grid, pixel_bytes) = pixels(it);
            let value = Value {
                tensors: smallvec![tensor],
                grid,
                pixel_bytes,
                is_input: false,
                is_output: false,
            };
            self.value_of[tensor] = Some(self.values.push(value));
        }
        self.value_of[tensor]
    }

    fn stage(&mut self, graph: &Graph, id: OperatorId) -> Stage {
        let operator = &graph.operators[id];
        let mut reads: SmallVec<[Read; 2]> = SmallVec::new();
        let mut constant_bytes: u64 = 0;
        for (operand, tensor) in operator.inputs.iter().enumerate() {
            let Some(tensor) = *tensor else { continue };
            match self.value(graph, tensor) {
                Some(value) => reads.push(Read { operand, tensor, value, reach: Reach::All }),
                None => {
                    let bytes = graph.tensors[tensor].bytes().get();
                    constant_bytes = constant_bytes.saturating_add(bytes);
                }
            }
        }
        let writes: SmallVec<[ValueId; 1]> =
            operator.outputs.iter().filter_map(|&output| self.value(graph, output)).collect();
        let mut stage = Stage {
            operator: id,
            manner: Manner::Whole,
            grid: Grid::ONE,
            reads,
            writes,
            macs: graph.macs(id),
            constant_bytes,
            channels: ChannelRole::None,
        };
        // Only what is seen in the shape of the value's own grid can be walked over.
        let in_shape = |network: &Self, tensor: TensorId| {
            network.value_of[tensor].is_some_and(|value| {
                let (grid, pixel_bytes) = pixels(&graph.tensors[tensor]);
                let own = &network.values[value];
                grid == own.grid && pixel_bytes == own.pixel_bytes
            })
        };
        let touched = stage.reads.iter().map(|read| read.tensor).chain(operator.outputs.clone());
        if operator.outputs.len() == 1
            && stage.writes.len() == 1
            && touched.into_iter().all(|tensor| in_shape(self, tensor))
        {
            self.walk(graph, &mut stage);
            stage.channels = role_of(graph, id, &stage);
        }
        stage
    }

    /// Finds how a stage with one result walks over its maps, if it can.
    fn walk(&self, graph: &Graph, stage: &mut Stage) {
        let operator = &graph.operators[stage.operator];
        let Some(result) = operator.outputs.first().map(|&id| &graph.tensors[id]) else { return };
        let Some(output) = stage.writes.first().map(|&id| &self.values[id]) else { return };
        let operand = |index: usize| operator.input(index).map(|id| &graph.tensors[id]);
        match walk_of(&operator.op) {
            Walk::Window(window, padding) => {
                let window = window.or_else(|| kernel_of(&operator.op, operand(1)));
                let (Some(window), Some(shape)) = (window, operand(0).map(|it| &it.shape)) else {
                    return;
                };
                let (Some(rows), Some(columns)) = (shape.get(1), shape.get(2)) else { return };
                // Weights that are computed are read whole by every iteration.
                let Some((first, others)) = stage.reads.split_first_mut() else { return };
                if first.operand != 0 || !others.is_empty() {
                    return;
                }
                // Floats that meet integer weights are quantised by the range of the whole map.
                let is_real = |index| operand(index).map(|it| it.element.is_float());
                if is_real(0) == Some(true) && is_real(1) == Some(false) {
                    return;
                }
                let is_whole_map = matches!(operator.op, Op::AveragePool2d(_))
                    && (window.kernel.height, window.kernel.width) == (rows, columns)
                    && output.grid == Grid::ONE;
                if is_whole_map && let Some(bytes) = sums_of(operand(0), result) {
                    stage.manner = Manner::Accumulated { bytes };
                    stage.grid = Grid { rows, columns };
                    first.reach = Reach::PIXEL;
                    return;
                }
                let Ok(amounts) = window.padding_amounts(rows, columns, padding) else { return };
                let axis = |kernel: u32, dilation: u32, stride, before| {
                    let span = kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
                    Axis { span, dilation, stride, before }
                };
                first.reach = Reach::Window {
                    rows: axis(
                        window.kernel.height,
                        window.dilation.height,
                        window.stride.height,
                        amounts.top,
                    ),
                    columns: axis(
                        window.kernel.width,
                        window.dilation.width,
                        window.stride.width,
                        amounts.left,
                    ),
                };
                stage.manner = Manner::Streamed { in_place: false };
                stage.grid = output.grid;
            }
            Walk::Border => {
                let border = operand(1).and_then(Tensor::integers);
                let Some(&[0, 0, top, _, left, _, 0, 0]) = border.as_deref() else { return };
                let (Ok(top), Ok(left)) = (u32::try_from(top), u32::try_from(left)) else { return };
                if stage.reads.len() != 1 || stage.reads[0].operand != 0 {
                    return;
                }
                stage.reads[0].reach = Reach::Window {
                    rows: Axis { before: top, ..Axis::SAME },
                    columns: Axis { before: left, ..Axis::SAME },
                };
                stage.manner = Manner::Streamed { in_place: false };
                stage.grid = output.grid;
            }
            Walk::Elementwise => {
                let channels = result.shape.last();
                let is_even = |tensor: &Tensor| tensor.shape == result.shape;
                let is_by_channel = |shape: &Shape| {
                    let all = shape.dimensions();
                    let (last, outer) = all.split_last().unwrap_or((&1, &[]));
                    (*last == 1 || *last == channels) && outer.iter().all(|&length| length == 1)
                };
                for (index, tensor) in operator.inputs.iter().enumerate() {
                    let Some(tensor) = tensor.map(|id| &graph.tensors[id]) else { continue };
                    let is_read = stage.reads.iter().any(|read| read.operand == index);
                    let fits = if is_read { is_even(tensor) } else { is_by_channel(&tensor.shape) };
                    if !fits {
                        return;
                    }
                }
                self.walk_pixels(stage, output);
            }
            Walk::Join(axis) => {
                let all_read = stage.reads.len() == operator.inputs.len();
                if all_read && result.shape.resolve_axis(axis) == Some(3) {
                    self.walk_pixels(stage, output);
                }
            }
            Walk::Average => {
                let axes = operand(1).and_then(Tensor::integers).unwrap_or_default();
                let resolved = |axis: &i64| operand(0)?.shape.resolve_axis(*axis);
                let mut axes: Vec<Option<usize>> = axes.iter().map(resolved).collect();
                axes.sort_unstable();
                let Some(read) = stage.reads.first_mut() else { return };
                if axes != [Some(1), Some(2)] || read.operand != 0 {
                    return;
                }
                let Some(bytes) = sums_of(operand(0), result) else { return };
                read.reach = Reach::PIXEL;
                stage.manner = Manner::Accumulated { bytes };
                stage.grid = self.values[read.value].grid;
            }
            Walk::Whole => {}
        }
    }

    /// Pixel by pixel, every operand at the position of the result.
    fn walk_pixels(&self, stage: &mut Stage, output: &Value) {
        let same_size = |read: &Read| self.values[read.value].pixel_bytes == output.pixel_bytes;
        stage.manner = Manner::Streamed { in_place: stage.reads.iter().all(same_size) };
        stage.grid = output.grid;
        for read in &mut stage.reads {
            read.reach = Reach::PIXEL;
        }
    }

    /// Multiply-accumulates of all stages.
    pub fn macs(&self) -> Macs {
        self.stages.values().map(|stage| stage.macs).sum()
    }
}

/// Whether an operator only gives its operand another shape.
fn is_view(graph: &Graph, id: OperatorId) -> bool {
    let operator = &graph.operators[id];
    let is_reshaping = matches!(operator.op, Op::Reshape(_) | Op::Squeeze(_) | Op::ExpandDims(_));
    let activation = |tensor: TensorId| graph.tensors[tensor].role == TensorRole::Activation;
    is_reshaping
        && operator.outputs.len() == 1
        && operator.input(0).is_some_and(activation)
        && activation(operator.outputs[0])
        && !graph.inputs.contains(&operator.outputs[0])
}

/// The pixels of a tensor, and the bytes of one. A map has four axes, a batch of one, and pixels of
/// whole bytes.
fn pixels(tensor: &Tensor) -> (Grid, u64) {
    let all = tensor.bytes().get();
    if let &[1, rows, columns, channels] = tensor.shape.dimensions()
        && rows > 0
        && columns > 0
    {
        let pixel = tensor.element.bytes_for(channels.into()).get();
        let grid = Grid { rows, columns };
        if grid.area().checked_mul(pixel) == Some(all) {
            return (grid, pixel);
        }
    }
    (Grid::ONE, all)
}

/// Bytes of 32-bit sums over a map of integers, one a channel, where sums in any order give the same
/// result. Sums of floats depend on their order, which a kernel is free to choose.
fn sums_of(map: Option<&Tensor>, result: &Tensor) -> Option<u64> {
    let map = map?;
    let is_integer =
        matches!(map.element, ElementType::Int8 | ElementType::UInt8 | ElementType::Int16);
    let is_map = map.shape.rank() == 4 && map.element == result.element;
    (is_integer && is_map).then(|| 4 * u64::from(map.shape.last()))
}
