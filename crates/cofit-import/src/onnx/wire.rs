//! A look at a file's messages before they are decoded.
//!
//! Decoding makes a structure of a few hundred bytes of every message, and a message may take two
//! bytes of the file. [`messages`] counts them first, so that a small file cannot fill memory, and
//! tells a file that is no ONNX at all apart from one that is damaged.

/// Which fields of a message hold messages that are decoded.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Shape,
    Sparse,
    Leaf,
}

impl Kind {
    const fn field(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) => Self::Graph,
            (Self::Model, 8) | (Self::Tensor, 13) | (Self::Shape, 1) => Self::Leaf,
            (Self::Graph, 1) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5) | (Self::Sparse, 1) => Self::Tensor,
            (Self::Graph, 11 | 12) => Self::Value,
            (Self::Graph, 15) => Self::Sparse,
            (Self::Node, 5) => Self::Attribute,
            (Self::Value, 2) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::TensorType, 2) => Self::Shape,
            _ => return None,
        })
    }
}

/// What a file's outermost messages are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Messages that decoding would make structures of.
    pub messages: u64,
    /// Whether there is a version of the format.
    pub has_version: bool,
    /// Whether there is a graph.
    pub has_graph: bool,
    /// Whether there is a version of an operator set.
    pub has_operator_set: bool,
}

/// Counts the messages of a file, up to a few more than `most`; `None` where it is not of the form
/// at all.
pub(crate) fn messages(file: &[u8], most: u64) -> Option<Summary> {
    let mut summary = Summary::default();
    // The kinds nest at most ten deep, so that the stack stays short.
    let mut stack = vec![(Kind::Model, file)];
    let mut is_outermost = true;
    while let Some((kind, mut bytes)) = stack.pop() {
        while !bytes.is_empty() {
            let key = varint(&mut bytes)?;
            let number = key >> 3;
            if number == 0 {
                return None;
            }
            match key & 7 {
                0 => {
                    varint(&mut bytes)?;
                    summary.has_version |= is_outermost && number == 1;
                }
                1 => bytes = bytes.get(8..)?,
                5 => bytes = bytes.get(4..)?,
                2 => {
                    let length = usize::try_from(varint(&mut bytes)?).ok()?;
                    let inner = bytes.get(..length)?;
                    bytes = &bytes[length..];
                    if is_outermost {
                        summary.has_graph |= number == 7;
                        summary.has_operator_set |= number == 8;
                    }
                    if let Some(kind) = kind.field(number) {
                        summary.messages += 1;
                        if summary.messages > most {
                            return Some(summary);
                        }
                        stack.push((kind, inner));
                    }
                }
                // Groups are not part of the form.
                _ => return None,
            }
        }
        is_outermost = false;
    }
    Some(summary)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(index).ok()?).unwrap_or(0);
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_inside_graphs() {
        // Version 8, a graph of two empty nodes, an operator set.
        let file = [0x08, 8, 0x3a, 4, 0x0a, 0, 0x0a, 0, 0x42, 0];
        let expected =
            Summary { messages: 4, has_version: true, has_graph: true, has_operator_set: true };
        assert_eq!(messages(&file, 100), Some(expected));
        assert_eq!(messages(&file[..5], 100), None, "cut short");
        assert_eq!(messages(b"text of any kind", 100), None);
    }
}
