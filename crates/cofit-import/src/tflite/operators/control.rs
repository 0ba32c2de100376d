//! Control flow and variables: `WhileOptions`, `CallOnceOptions`, `VarHandleOptions`.

use cofit_ir::ops::{CallOnce, VarHandle, While};

use super::fields::{Fields, OptionError, Options, no_fields};

impl Options for While {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.graph(0, "cond_subgraph_index", &mut self.cond)?;
        fields.graph(1, "body_subgraph_index", &mut self.body)
    }
}

impl Options for CallOnce {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.graph(0, "init_subgraph_index", &mut self.graph)
    }
}

impl Options for VarHandle {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.text(0, &mut self.container)?;
        fields.text(1, &mut self.shared_name)
    }
}

no_fields!(AssignVariable, ReadVariable);
