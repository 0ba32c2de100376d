//! What a kernel sees when it runs.

use smallvec::SmallVec;

use crate::buffer::{Buffer, Element, Slice, SliceMut};

/// The tensors of one operator during one inference.
pub(crate) struct Call<'a> {
    /// Operands by position; those that are missing, that the kernel took when it was prepared, and
    /// variables are `None`.
    pub inputs: Inputs<'a>,
    /// Results by position.
    pub outputs: Outputs<'a>,
    /// Operands that are variables, by position.
    pub variables: Variables<'a>,
}

/// Operands to read.
pub(crate) struct Inputs<'a>(pub SmallVec<[Option<Slice<'a>>; 4]>);

/// Results to write.
pub(crate) struct Outputs<'a>(pub SmallVec<[SliceMut<'a>; 1]>);

/// Operands that outlive an inference.
pub(crate) struct Variables<'a>(pub SmallVec<[(usize, &'a mut Buffer); 0]>);

/// What a kernel finds wrong while it runs: mostly an index out of range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub String);

impl Fault {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// A kernel: everything that does not change between inferences, and what to do with the rest.
pub(crate) type Kernel = Box<dyn Fn(&mut Call<'_>) -> Result<(), Fault> + Send + Sync>;

impl<'a> Inputs<'a> {
    /// Operand `index`, of whatever type.
    pub fn any(&self, index: usize) -> Result<Slice<'a>, Fault> {
        let found = self.0.get(index).copied().flatten();
        found.ok_or_else(|| Fault::new(format!("operand {index} has no value")))
    }

    /// Operand `index`, if it is there.
    pub fn optional<T: Element>(&self, index: usize) -> Option<&'a [T]> {
        self.0.get(index)?.as_ref().and_then(T::of)
    }

    /// The integers of operand `index`, of whatever integer type: axes, positions, indices.
    pub fn integers(&self, index: usize) -> Result<Vec<i64>, Fault> {
        Ok(match self.any(index)? {
            Slice::I8(values) => values.iter().map(|&value| i64::from(value)).collect(),
            Slice::U8(values) => values.iter().map(|&value| i64::from(value)).collect(),
            Slice::I16(values) => values.iter().map(|&value| i64::from(value)).collect(),
            Slice::I32(values) => values.iter().map(|&value| i64::from(value)).collect(),
            Slice::I64(values) => values.to_vec(),
            Slice::F32(_) => {
                return Err(Fault::new(format!("operand {index} has no integers")));
            }
        })
    }

    /// Operand `index`.
    pub fn get<T: Element>(&self, index: usize) -> Result<&'a [T], Fault> {
        T::of(&self.any(index)?)
            .ok_or_else(|| Fault::new(format!("operand {index} is of another type")))
    }
}

impl<'a> Outputs<'a> {
    /// Copies elements of any type into result `index`.
    pub fn copy(&mut self, index: usize, source: Slice<'_>) -> Result<(), Fault> {
        let slice = self.0.get_mut(index);
        let slice = slice.ok_or_else(|| Fault::new(format!("result {index} is not there")))?;
        match slice.copy_from(source) {
            true => Ok(()),
            false => Err(Fault::new(format!("result {index} is of another type or length"))),
        }
    }

    /// Result `index`, of whatever type.
    pub fn any(&mut self, index: usize) -> Result<&mut SliceMut<'a>, Fault> {
        let slice = self.0.get_mut(index);
        slice.ok_or_else(|| Fault::new(format!("result {index} is not there")))
    }

    /// Result `index`.
    pub fn get<T: Element>(&mut self, index: usize) -> Result<&mut [T], Fault> {
        let slice = self.0.get_mut(index);
        let slice = slice.ok_or_else(|| Fault::new(format!("result {index} is not there")))?;
        T::of_mut(slice).ok_or_else(|| Fault::new(format!("result {index} is of another type")))
    }
}

impl Variables<'_> {
    /// The variable that is operand `index`.
    pub fn get<T: Element>(&mut self, index: usize) -> Result<&mut [T], Fault> {
        let found = self.0.iter_mut().find(|(position, _)| *position == index);
        let (_, buffer) = found.ok_or_else(|| Fault::new(format!("no variable {index}")))?;
        match T::vec_mut(buffer) {
            Some(values) => Ok(values),
            None => Err(Fault::new(format!("variable {index} is of another type"))),
        }
    }
}
