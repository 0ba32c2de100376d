//! What a kernel sees of its operator when it is prepared.

use std::cell::Cell;

use cofit_ir::{Graph, Operator, OperatorId, Tensor, TensorRole};
use cofit_vocab::diagnostic::execution as rules;
use cofit_vocab::{Code, Diagnostic, ElementType, Place};

use crate::arithmetic::Rounding;
use crate::buffer::{Buffer, Element};

/// An operator with its tensors and constants.
pub(crate) struct Site<'a> {
    graph: &'a Graph,
    id: OperatorId,
    /// How requantisations round.
    pub rounding: Rounding,
    /// Operands whose constant the kernel has taken and will not read again, by bit.
    taken: Cell<u64>,
}

/// Why an operator has no kernel.
pub(crate) type Refusal = Box<Diagnostic>;

impl<'a> Site<'a> {
    pub const fn new(graph: &'a Graph, id: OperatorId, rounding: Rounding) -> Self {
        Self { graph, id, rounding, taken: Cell::new(0) }
    }

    /// The operator.
    pub fn operator(&self) -> &'a Operator {
        &self.graph.operators[self.id]
    }

    /// Operand `index`, if it is there.
    pub fn optional(&self, index: usize) -> Option<&'a Tensor> {
        self.operator().input(index).map(|id| &self.graph.tensors[id])
    }

    /// Operand `index`.
    pub fn input(&self, index: usize) -> Result<&'a Tensor, Refusal> {
        self.optional(index)
            .ok_or_else(|| self.refuse(format!("operand {index} is missing"), "check the exporter"))
    }

    /// Result `index`.
    pub fn output(&self, index: usize) -> Result<&'a Tensor, Refusal> {
        let id = self.operator().outputs.get(index);
        id.map(|&id| &self.graph.tensors[id])
            .ok_or_else(|| self.refuse(format!("result {index} is missing"), "check the exporter"))
    }

    /// Element types of operand 0 and result 0, on which most kernels decide.
    pub fn elements(&self) -> Result<(ElementType, ElementType), Refusal> {
        Ok((self.input(0)?.element, self.output(0)?.element))
    }

    /// Scale and zero point of the whole tensor.
    pub fn affine(&self, tensor: &Tensor) -> Result<Affine, Refusal> {
        let found = tensor.quantisation.as_ref().filter(|found| !found.is_per_axis());
        let (scale, zero_point) = found.and_then(|found| found.at(0)).ok_or_else(|| {
            self.refuse(
                format!("`{}` has no scale for the whole tensor", tensor.name),
                "quantise the tensor",
            )
        })?;
        let zero_point = i32::try_from(zero_point).map_err(|_| {
            self.refuse(
                format!("the zero point of `{}` is too large", tensor.name),
                "quantise anew",
            )
        })?;
        Ok(Affine { scale, zero_point })
    }

    /// The scale of slice `slice` of a weight tensor.
    pub fn scale_at(&self, tensor: &Tensor, slice: usize) -> Result<f32, Refusal> {
        let scale = tensor.quantisation.as_ref().and_then(|found| found.at(slice));
        scale.map(|(scale, _)| scale).ok_or_else(|| {
            self.refuse(format!("`{}` has no scale {slice}", tensor.name), "quantise the tensor")
        })
    }

    /// Whether operand `index` is a constant, with or without values.
    pub fn is_constant(&self, index: usize) -> bool {
        self.optional(index).is_some_and(Tensor::is_constant)
    }

    /// The elements of constant operand `index`, for the kernel to keep; `None` where the operand is
    /// missing or computed.
    pub fn take<T: Element>(&self, index: usize) -> Result<Option<Vec<T>>, Refusal> {
        let Some(tensor) = self.optional(index).filter(|tensor| tensor.is_constant()) else {
            return Ok(None);
        };
        let buffer = self.constant(tensor)?;
        let values = buffer.get::<T>().ok_or_else(|| {
            self.refuse(
                format!("`{}` is {}, which this kernel does not take", tensor.name, tensor.element),
                "convert the constant",
            )
        })?;
        if index < 64 {
            self.taken.set(self.taken.get() | 1 << index);
        }
        Ok(Some(values.to_vec()))
    }

    /// As [`Site::take`], for operands that must be constants: weights.
    pub fn fixed<T: Element>(&self, index: usize) -> Result<Vec<T>, Refusal> {
        let name = &self.input(index)?.name;
        self.take(index)?.ok_or_else(|| {
            self.refuse(
                format!("`{name}` is computed, and this kernel needs it fixed"),
                "export the model with constant weights",
            )
        })
    }

    /// The integers of short constant operand `index`: axes, shapes, borders.
    pub fn integers(&self, index: usize) -> Result<Vec<i64>, Refusal> {
        let tensor = self.input(index)?;
        if index < 64 {
            self.taken.set(self.taken.get() | 1 << index);
        }
        tensor.integers().ok_or_else(|| match tensor.is_constant() {
            true => self.absent(tensor),
            false => self.refuse(
                format!("`{}` is computed, and this kernel needs it fixed", tensor.name),
                "export the model with static shapes",
            ),
        })
    }

    /// Whether the kernel keeps constant operand `index` for itself.
    pub const fn has_taken(&self, index: usize) -> bool {
        index < 64 && self.taken.get() >> index & 1 == 1
    }

    /// The elements of a constant.
    pub fn constant(&self, tensor: &Tensor) -> Result<Buffer, Refusal> {
        let data = match &tensor.role {
            TensorRole::Constant(_) => tensor.data().ok_or_else(|| self.absent(tensor))?,
            TensorRole::Activation | TensorRole::Variable => {
                return Err(self.refuse(format!("`{}` is no constant", tensor.name), "fix it"));
            }
        };
        usize::try_from(tensor.shape.elements())
            .ok()
            .and_then(|count| Buffer::from_packed(tensor.element, count, data))
            .ok_or_else(|| {
                self.refuse(
                    format!("`{}` is {}, which no kernel takes", tensor.name, tensor.element),
                    "convert the constant",
                )
            })
    }

    /// The operator's types are not ones that it is defined for.
    pub fn unsupported(&self) -> Refusal {
        let types = |tensors: Vec<&Tensor>| -> String {
            let names: Vec<&str> = tensors.iter().map(|tensor| tensor.element.name()).collect();
            names.join(", ")
        };
        let operator = self.operator();
        let inputs = operator.inputs.iter().flatten().map(|&id| &self.graph.tensors[id]).collect();
        let outputs = operator.outputs.iter().map(|&id| &self.graph.tensors[id]).collect();
        self.refuse(
            format!(
                "{} has no kernel from ({}) to ({})",
                operator.kind(),
                types(inputs),
                types(outputs)
            ),
            "quantise the model to types that its operators are defined for, or run it in float32",
        )
    }

    /// The operator cannot be executed, for a reason of its own.
    pub fn refuse(&self, message: impl Into<String>, help: impl Into<String>) -> Refusal {
        self.diagnose(&rules::NO_KERNEL, message).with_help(help).into()
    }

    fn absent(&self, tensor: &Tensor) -> Refusal {
        self.diagnose(
            &rules::VALUES_ABSENT,
            format!("the values of `{}` are not there", tensor.name),
        )
        .into()
    }

    fn diagnose(&self, code: &'static Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message, Place::operator(self.graph.operator_name(self.id)))
    }
}

/// How a whole tensor's integers map to reals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Affine {
    /// Real size of one step.
    pub scale: f32,
    /// The integer that means zero.
    pub zero_point: i32,
}
