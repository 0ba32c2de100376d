//! Operators with state of their own: `SVDFOptions`, `UnidirectionalSequenceLSTMOptions`.

use cofit_ir::ops::{Svdf, UnidirectionalSequenceLstm};

use super::fields::{Fields, OptionError, Options};

impl Options for Svdf {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.count(0, "rank", &mut self.rank, 0)?;
        fields.activation(1, &mut self.activation)?;
        fields.flag(2, &mut self.asymmetric_quantize_inputs, false)
    }
}

impl Options for UnidirectionalSequenceLstm {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.activation(0, &mut self.activation)?;
        fields.real(1, &mut self.cell_clip)?;
        fields.real(2, &mut self.proj_clip)?;
        fields.flag(3, &mut self.time_major, false)?;
        fields.flag(4, &mut self.asymmetric_quantize_inputs, false)?;
        fields.flag(5, &mut self.diagonal_recurrent_tensors, false)
    }
}
