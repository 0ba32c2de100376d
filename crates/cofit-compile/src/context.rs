//! What every pass sees beside the plan.

use cofit_chip::{Chip, Engine, Memory};
use cofit_vocab::Bytes;
use cranelift_entity::EntityRef;

use crate::plan::{EngineId, MemoryId};

/// The chip, and figures of the model that do not change while it is compiled.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The chip, for one runtime and one operating point.
    pub chip: &'a Chip,
    /// Operators of the model as the user wrote it, which the runtime's bookkeeping counts.
    pub operators: u64,
    /// Tensors of the model as the user wrote it.
    pub tensors: u64,
    /// Output channels of all operators with weights, as the user wrote them.
    pub channels: u64,
}

impl<'a> Context<'a> {
    /// The engine of that id.
    pub fn engine(&self, id: EngineId) -> &'a Engine {
        &self.chip.engines[id.index()]
    }

    /// The memory of that id.
    pub fn memory(&self, id: MemoryId) -> &'a Memory {
        &self.chip.memories[id.index()]
    }

    /// Every engine with its id, in the card's order.
    pub fn engines(&self) -> impl Iterator<Item = (EngineId, &'a Engine)> + use<'a> {
        self.chip.engines.iter().enumerate().map(|(at, engine)| (EngineId::new(at), engine))
    }

    /// Every memory with its id, in the card's order.
    pub fn memories(&self) -> impl Iterator<Item = (MemoryId, &'a Memory)> + use<'a> {
        self.chip.memories.iter().enumerate().map(|(at, memory)| (MemoryId::new(at), memory))
    }

    /// The engine that runs what no other takes.
    pub fn host(&self) -> Option<EngineId> {
        let host = self.chip.target.host.as_deref()?;
        self.engines().find(|(_, engine)| engine.id == host).map(|(id, _)| id)
    }

    /// The runtime's persistent RAM for this model.
    pub fn runtime_ram(&self) -> Bytes {
        self.chip.runtime.ram.total(self.operators, self.tensors, self.channels)
    }
}
