//! Whole models.

use bytes::Bytes as SharedBytes;
use cranelift_entity::{EntityRef, PrimaryMap};

use crate::{Graph, GraphId};

/// Where a model came from, for reports and for writing it back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The file as the user named it, or a description such as `sketch`.
    pub file: String,
    /// SHA-256 of the file's bytes in lower-case hexadecimal.
    pub sha256: String,
}

/// One or more graphs; the first is the one that an inference runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// The model's own name, or the file's without its extension.
    pub name: String,
    /// The file's description string.
    pub description: String,
    /// Where it came from.
    pub source: Source,
    /// The graphs; the first is the main one.
    pub graphs: PrimaryMap<GraphId, Graph>,
    /// Named byte strings that the file carries and nothing here interprets.
    pub metadata: Vec<(String, SharedBytes)>,
}

impl Model {
    /// A model of one graph.
    pub fn of(name: impl Into<String>, graph: Graph) -> Self {
        let mut graphs = PrimaryMap::new();
        graphs.push(graph);
        Self { name: name.into(), graphs, ..Self::default() }
    }

    /// The id of the main graph.
    pub fn main_id() -> GraphId {
        GraphId::new(0)
    }

    /// The graph that an inference runs, if the model has any.
    pub fn main(&self) -> Option<&Graph> {
        self.graphs.get(Self::main_id())
    }

    /// The graph that an inference runs, to change.
    pub fn main_mut(&mut self) -> Option<&mut Graph> {
        self.graphs.get_mut(Self::main_id())
    }
}
