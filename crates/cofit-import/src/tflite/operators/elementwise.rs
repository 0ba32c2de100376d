//! Element-wise operators: `AddOptions`, `SubOptions`, `MulOptions`, `LeakyReluOptions`,
//! `SoftmaxOptions`, and those without options.

use cofit_ir::ops::{Add, LeakyRelu, Mul, Softmax, Sub};

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

impl Options for Mul {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.activation(0, &mut self.activation)
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
    Cast, Dequantize, HardSwish, Logistic, Maximum, Minimum, Prelu, Quantize, Relu, Relu6,
    ReluN1To1, Tanh,
);
