//! A step in plain numbers: its main layer with what was fused around it.

use cofit_chip::OperatorClass;
use cofit_ir::ops::window::PaddingAmounts;
use cofit_ir::{Activation, Graph, OperatorId, Padding};
use cofit_vocab::{Macs, OperatorKind};

use crate::layer::{Extents, Layer, LayerPadding};
use crate::plan::Step;

/// A step in plain numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct StepLayer {
    /// The main layer. A fused pad is part of its padding, a fused clamp its activation.
    pub main: Layer,
    /// A pooling before the main layer.
    pub pool_before: Option<Layer>,
    /// Pooling after the main layer.
    pub pool_after: Option<Layer>,
    /// Element-wise arithmetic before the main layer.
    pub elementwise: Option<Layer>,
    /// A function of each element after the main layer that is no clamp.
    pub function: Option<OperatorKind>,
    /// Extents of the feature map that a dense layer's input was before it was flattened.
    pub before_flatten: Option<Extents>,
    /// Extents of what the step reads.
    pub input: Extents,
    /// Extents of what the step writes.
    pub output: Extents,
    /// Multiply-accumulates of all its operators.
    pub macs: Macs,
}

impl StepLayer {
    /// The numbers of `step` in `graph`.
    pub fn of(graph: &Graph, step: &Step) -> Self {
        let mut layer = Self {
            main: Layer::of(graph, step.main),
            pool_before: None,
            pool_after: None,
            elementwise: None,
            function: None,
            before_flatten: before_flatten(graph, step.main),
            input: Extents::default(),
            output: Extents::default(),
            macs: step.operators.iter().map(|&operator| graph.macs(operator)).sum(),
        };
        layer.input = layer.main.input;
        layer.output = layer.main.output;
        let main_at =
            step.operators.iter().position(|&operator| operator == step.main).unwrap_or(0);
        for (at, &operator) in step.operators.iter().enumerate() {
            if at != main_at {
                layer.absorb(graph, operator, at < main_at);
            }
            if at == 0 && main_at != 0 {
                layer.input = Layer::of(graph, operator).input;
            }
            if at + 1 == step.operators.len() && at != main_at {
                layer.output = Layer::of(graph, operator).output;
            }
        }
        layer
    }

    /// The main layer as an engine that flattens by itself sees it.
    pub fn unflattened(&self) -> Layer {
        Layer { input: self.before_flatten.unwrap_or(self.main.input), ..self.main.clone() }
    }

    /// Takes in one operator beside the main one.
    fn absorb(&mut self, graph: &Graph, operator: OperatorId, is_before: bool) {
        let kind = graph.operators[operator].kind();
        match OperatorClass::of(kind) {
            OperatorClass::Movement if kind == OperatorKind::Pad && is_before => {
                if let Some([top, bottom, left, right]) =
                    crate::passes::pad_amounts(graph, operator)
                {
                    let own = self.main.padding;
                    let amounts = own.map(|padding| padding.amounts).unwrap_or_default();
                    self.main.input = Layer::of(graph, operator).input;
                    // The mode stays the operator's own: whether a pad may join it is for the
                    // fusion rule to say, and what its sides add up to for the operator's.
                    self.main.padding = Some(LayerPadding {
                        mode: own.map_or(Padding::Valid, |padding| padding.mode),
                        amounts: PaddingAmounts {
                            top: amounts.top.saturating_add(top),
                            bottom: amounts.bottom.saturating_add(bottom),
                            left: amounts.left.saturating_add(left),
                            right: amounts.right.saturating_add(right),
                        },
                    });
                }
            }
            OperatorClass::Clamp => {
                self.main.activation = match kind {
                    OperatorKind::Relu6 => Activation::Relu6,
                    OperatorKind::ReluN1To1 => Activation::ReluN1To1,
                    _ => Activation::Relu,
                };
            }
            OperatorClass::Pooling => {
                let pool = Layer::of(graph, operator);
                if is_before { self.pool_before = Some(pool) } else { self.pool_after = Some(pool) }
            }
            OperatorClass::Elementwise => self.elementwise = Some(Layer::of(graph, operator)),
            OperatorClass::Nonlinear
            | OperatorClass::Exponential
            | OperatorClass::Requantisation => self.function = Some(kind),
            OperatorClass::Convolution
            | OperatorClass::Pointwise
            | OperatorClass::Shallow
            | OperatorClass::Depthwise
            | OperatorClass::Transposed
            | OperatorClass::Dense
            | OperatorClass::MatrixProduct
            | OperatorClass::Reduction
            | OperatorClass::Movement
            | OperatorClass::View
            | OperatorClass::Resampling
            | OperatorClass::Recurrent
            | OperatorClass::Control => {}
        }
    }
}

/// The extents of the map that the dense layer `main` reads through a change of shape.
fn before_flatten(graph: &Graph, main: OperatorId) -> Option<Extents> {
    let operator = &graph.operators[main];
    if operator.kind() != OperatorKind::FullyConnected {
        return None;
    }
    let input = operator.input(0)?;
    let view = graph.operators.values().find(|other| other.outputs.contains(&input))?;
    if OperatorClass::of(view.kind()) != OperatorClass::View {
        return None;
    }
    let shape = &graph.tensors[view.input(0)?].shape;
    let extents = Extents::of(shape);
    let is_one_map = shape.rank() == 4 && shape[0] == 1;
    (is_one_map && extents.elements() == graph.tensors[input].shape.elements()).then_some(extents)
}
