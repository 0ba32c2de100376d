//! A node's attributes.

use bytes::Bytes as SharedBytes;

use super::proto::{AttributeProto, NodeProto, TensorProto};
use super::refusal::{Imported, Refusal};

/// A node of the graph, with what its operator set's version means for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'a> {
    /// The message.
    pub proto: &'a NodeProto,
    /// Its place in the file's list.
    pub index: usize,
    /// Version of the standard operator set.
    pub version: i64,
}

impl<'a> Node<'a> {
    /// The operator's name.
    pub fn kind(&self) -> &'a str {
        &self.proto.op_type
    }

    /// The name of operand `index`, if it is there.
    pub fn input(&self, index: usize) -> Option<&'a str> {
        self.proto.input.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The name of result `index`, if it is wanted.
    pub fn output(&self, index: usize) -> Option<&'a str> {
        self.proto.output.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// What messages call the node: its name, or its first result's.
    pub fn name(&self) -> &'a str {
        match self.proto.name.as_str() {
            "" => self.output(0).unwrap_or(""),
            name => name,
        }
    }

    /// The name of the first result; the node's own where it has none.
    pub fn result(&self) -> &'a str {
        self.output(0).unwrap_or(&self.proto.name)
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.proto.attribute.iter().find(|attribute| attribute.name == name)
    }

    /// Whether there is an attribute of that name.
    pub fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// An integer attribute.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |attribute| attribute.i)
    }

    /// A float attribute.
    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |attribute| attribute.f)
    }

    /// A list of integers.
    pub fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice())
    }

    /// A list of floats.
    pub fn floats(&self, name: &str) -> Option<&'a [f32]> {
        self.attribute(name).map(|attribute| attribute.floats.as_slice())
    }

    /// A list of strings.
    pub fn strings(&self, name: &str) -> Option<&'a [SharedBytes]> {
        self.attribute(name).map(|attribute| attribute.strings.as_slice())
    }

    /// A string, in the form that it has in the file.
    pub fn string(&self, name: &str) -> Option<&'a str> {
        let attribute = self.attribute(name)?;
        std::str::from_utf8(&attribute.s).ok()
    }

    /// A constant.
    pub fn tensor(&self, name: &str) -> Option<&'a TensorProto> {
        self.attribute(name)?.t.as_ref()
    }

    /// A list of `N` lengths, each at least 1.
    ///
    /// # Errors
    /// Another number of lengths, or one that is none.
    pub fn lengths<const N: usize>(&self, name: &str, default: u32) -> Imported<[u32; N]> {
        let Some(ints) = self.ints(name).filter(|ints| !ints.is_empty()) else {
            return Ok([default; N]);
        };
        let mut lengths = [default; N];
        if ints.len() != N {
            let message = format!("attribute `{name}` has {} entries where {N} belong", ints.len());
            return Err(Refusal::node(message));
        }
        for (length, &int) in lengths.iter_mut().zip(ints) {
            *length = u32::try_from(int)
                .ok()
                .filter(|&length| length > 0)
                .ok_or_else(|| Refusal::node(format!("attribute `{name}` has the entry {int}")))?;
        }
        Ok(lengths)
    }
}
