//! Element-wise operators: `AddOptions`, `SubOptions`, `MulOptions`, `DivOptions`, `L2NormOptions`,
//! `GeluOptions`, `LeakyReluOptions`, `SoftmaxOptions`, and those without options.

use cofit_ir::ops::{Add, Div, Gelu, L2Normalization, LeakyRelu, Mul, Softmax, Sub};

use super::fields::{Fields, OptionError, Options, no_fields};

macro_rules! sum {
    ($($operator:ident),*) => {
        $(impl Options for $operator {
            fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
                fields.activation(0, &mut self.activation)?;
                fields.flag(1, &mut self.pot_scale_int16, true)
            }
        })*
    };
}

sum!(Add, Sub);

macro_rules! activated {
    ($($operator:ident),*) => {
        $(impl Options for $operator {
            fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
                fields.activation(0, &mut self.activation)
            }
        })*
    };
}

activated!(Div, L2Normalization, Mul);

impl Options for Gelu {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.flag(0, &mut self.approximate, false)
    }
}

impl Options for LeakyRelu {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.real(0, &mut self.alpha)
    }
}

impl Options for Softmax {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.real(0, &mut self.beta)
    }
}

// The element types in `CastOptions` repeat those of the tensors.
no_fields!(
    Abs,
    Cast,
    Ceil,
    Cos,
    Dequantize,
    Elu,
    Equal,
    Exp,
    Floor,
    FloorDiv,
    FloorMod,
    Greater,
    GreaterEqual,
    HardSwish,
    Less,
    LessEqual,
    Log,
    LogSoftmax,
    LogicalAnd,
    LogicalNot,
    LogicalOr,
    Logistic,
    Maximum,
    Minimum,
    Neg,
    NotEqual,
    Pow,
    Prelu,
    Quantize,
    Relu,
    Relu6,
    ReluN1To1,
    Round,
    Rsqrt,
    Select,
    Sign,
    Sin,
    Sqrt,
    Square,
    SquaredDifference,
    Tanh,
);
