//! Clocks and voltage that go together.

use cofit_vocab::{Hertz, Seconds};
use schemars::{Schema, SchemaGenerator};
use serde::Serialize;

use crate::Sourced;
use crate::decode::{CardValue, Context};
use crate::node::Node;
use crate::table::{card_table, card_words};

card_words! {
    /// A clock domain.
    pub enum Domain, "a clock domain" {
        /// The cores that run code.
        Cpu = "cpu";
        /// The accelerator.
        Npu = "npu";
        /// The memories and the bus between them.
        Memory = "memory";
    }
}

card_table! {
    /// Clocks and voltage that go together. The card's first is the default.
    pub struct OperatingPoint {
        /// The name that `--op-point` takes.
        id: String, required;
        /// Clock of the cores.
        cpu: Sourced<Hertz>, optional;
        /// Clock of the accelerator.
        npu: Sourced<Hertz>, optional;
        /// Clock of the memories, where it is not the engine's own.
        memory: Sourced<Hertz>, optional;
        /// Supply voltage, in volts.
        volts: Sourced<f64>, optional;
        /// Time to come out of the sleep that precedes an inference.
        wake_up: Sourced<Seconds>, optional;
        /// Changes to the card at this operating point.
        overlay: Overlay, optional;
    }
}

impl OperatingPoint {
    /// The clock of `domain`, if the operating point states it.
    pub const fn clock(&self, domain: Domain) -> Option<&Sourced<Hertz>> {
        match domain {
            Domain::Cpu => self.cpu.as_ref(),
            Domain::Npu => self.npu.as_ref(),
            Domain::Memory => self.memory.as_ref(),
        }
    }
}

/// Changes to the card that hold while a runtime or an operating point is chosen: any tables and
/// keys of the card, laid over it before it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Overlay;

impl CardValue for Overlay {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        if node.table().is_none() {
            context.wrong_type(node, "a table");
            return None;
        }
        Some(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        crate::schema::change_of("CardBody")
    }

    fn name() -> String {
        "Overlay".to_owned()
    }

    fn in_words(&self) -> String {
        "overlay".to_owned()
    }
}
