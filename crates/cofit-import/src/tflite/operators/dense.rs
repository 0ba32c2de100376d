//! Matrix products: `FullyConnectedOptions`, `BatchMatMulOptions`.

use cofit_ir::ops::{BatchMatMul, FullyConnected};

use super::fields::{Fields, OptionError, Options};

impl Options for FullyConnected {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.activation(0, &mut self.activation)?;
        // SHUFFLED4x16INT8 stores the weights in blocks of its own.
        fields.zero(1, "weights_format")?;
        fields.flag(2, &mut self.keep_axes, false)?;
        fields.hint(3, "asymmetric_quantize_inputs")
    }
}

impl Options for BatchMatMul {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.flag(0, &mut self.adj_x, false)?;
        fields.flag(1, &mut self.adj_y, false)?;
        fields.flag(2, &mut self.asymmetric_quantize_inputs, false)
    }
}
