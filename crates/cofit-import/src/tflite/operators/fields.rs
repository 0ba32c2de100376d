//! Fields of option tables, described once for both directions.
//!
//! An operator lists its fields in a function over [`Fields`]. [`Reading`] runs that list over a
//! table of a file and sets the attributes; [`Writing`] runs the same list and fills a table from
//! them. So reader and writer cannot disagree about a field's number, type or default.

use std::fmt;

use cofit_ir::{Activation, Extent2d, GraphId, Padding};
use cofit_vocab::ElementType;

use crate::flatbuffer::{Fault, Object, Table, TableBuilder};

/// Why options cannot be carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionError {
    /// The table breaks the format.
    Fault(Fault),
    /// A value without meaning.
    BadValue {
        /// The option by its name in the schema.
        option: &'static str,
        /// What it holds.
        value: i64,
    },
    /// The option asks for something that is not modelled.
    Unsupported {
        /// The option by its name in the schema.
        option: &'static str,
        /// What it holds.
        value: i64,
    },
    /// The model has an attribute that the option cannot hold.
    Inexpressible {
        /// The option by its name in the schema.
        option: &'static str,
    },
}

impl From<Fault> for OptionError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::BadValue { option, value } => {
                write!(f, "option `{option}` has the meaningless value {value}")
            }
            Self::Unsupported { option, value } => {
                write!(f, "option `{option}` with the value {value} is not modelled")
            }
            Self::Inexpressible { option } => {
                write!(f, "option `{option}` cannot hold the attribute")
            }
        }
    }
}

/// The fields of an operator's option table, by number, schema name and default.
pub trait Fields {
    /// A signed 32-bit integer.
    fn integer(
        &mut self,
        field: u16,
        option: &'static str,
        value: &mut i32,
        default: i32,
    ) -> Result<(), OptionError>;

    /// Truth.
    fn flag(&mut self, field: u16, value: &mut bool, default: bool) -> Result<(), OptionError>;

    /// A float with default 0.
    fn real(&mut self, field: u16, value: &mut f32) -> Result<(), OptionError>;

    /// A number of a list of at most 128, with default 0. `choices` gives the attribute's value
    /// for each number that has a meaning.
    fn choice<T: Copy + PartialEq>(
        &mut self,
        field: u16,
        option: &'static str,
        value: &mut T,
        choices: &[(i8, T)],
    ) -> Result<(), OptionError>;

    /// A vector of 32-bit integers; empty where absent.
    fn integers(&mut self, field: u16, value: &mut Vec<i32>) -> Result<(), OptionError>;

    /// A string; empty where absent.
    fn text(&mut self, field: u16, value: &mut String) -> Result<(), OptionError>;

    /// A number that must have its default 0: any other asks for something that is not modelled.
    fn zero(&mut self, field: u16, option: &'static str) -> Result<(), OptionError>;

    /// A flag that the model does not hold. Set, it is passed over with a warning.
    fn hint(&mut self, field: u16, option: &'static str) -> Result<(), OptionError>;

    /// A count: a 32-bit integer that is not negative.
    fn count(
        &mut self,
        field: u16,
        option: &'static str,
        value: &mut u32,
        default: i32,
    ) -> Result<(), OptionError> {
        let mut signed =
            i32::try_from(*value).map_err(|_| OptionError::Inexpressible { option })?;
        self.integer(field, option, &mut signed, default)?;
        *value = u32::try_from(signed)
            .map_err(|_| OptionError::BadValue { option, value: i64::from(signed) })?;
        Ok(())
    }

    /// A set of bits in a 32-bit integer, with default 0.
    fn mask(
        &mut self,
        field: u16,
        option: &'static str,
        value: &mut u32,
    ) -> Result<(), OptionError> {
        let mut signed = i32::from_le_bytes(value.to_le_bytes());
        self.integer(field, option, &mut signed, 0)?;
        *value = u32::from_le_bytes(signed.to_le_bytes());
        Ok(())
    }

    /// A graph, by its place in the file. Whether there is one of that number is checked later.
    fn graph(
        &mut self,
        field: u16,
        option: &'static str,
        value: &mut GraphId,
    ) -> Result<(), OptionError> {
        let mut index = value.as_u32();
        self.count(field, option, &mut index, 0)?;
        *value = GraphId::from_u32(index);
        Ok(())
    }

    /// Width and height in two fields, in this order, as the schema has them.
    fn extent(
        &mut self,
        first: u16,
        [width, height]: [&'static str; 2],
        value: &mut Extent2d,
        default: i32,
    ) -> Result<(), OptionError> {
        self.count(first, width, &mut value.width, default)?;
        self.count(first + 1, height, &mut value.height, default)
    }

    /// `Padding`: SAME or VALID.
    fn padding(&mut self, field: u16, value: &mut Padding) -> Result<(), OptionError> {
        self.choice(field, "padding", value, &[(0, Padding::Same), (1, Padding::Valid)])
    }

    /// `ActivationFunctionType`.
    fn activation(&mut self, field: u16, value: &mut Activation) -> Result<(), OptionError> {
        const CHOICES: &[(i8, Activation)] = &[
            (0, Activation::None),
            (1, Activation::Relu),
            (2, Activation::ReluN1To1),
            (3, Activation::Relu6),
            (4, Activation::Tanh),
            (5, Activation::SignBit),
        ];
        self.choice(field, "fused_activation_function", value, CHOICES)
    }

    /// `TensorType` of an index or a length: INT32 or INT64.
    fn index_type(
        &mut self,
        field: u16,
        option: &'static str,
        value: &mut ElementType,
    ) -> Result<(), OptionError> {
        self.choice(field, option, value, &[(2, ElementType::Int32), (4, ElementType::Int64)])
    }
}

/// Sets attributes from a table of a file.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The table; every field has its default where there is none.
    pub table: Option<Table<'a>>,
    /// Options that were set and passed over.
    pub hints: Vec<&'static str>,
}

impl Reading<'_> {
    fn byte(&self, field: u16) -> Result<i8, OptionError> {
        Ok(self.table.map_or(Ok(0), |table| table.scalar(field, 0i8))?)
    }
}

impl Fields for Reading<'_> {
    fn integer(
        &mut self,
        field: u16,
        _: &'static str,
        value: &mut i32,
        default: i32,
    ) -> Result<(), OptionError> {
        *value = self.table.map_or(Ok(default), |table| table.scalar(field, default))?;
        Ok(())
    }

    fn flag(&mut self, field: u16, value: &mut bool, default: bool) -> Result<(), OptionError> {
        *value = self.table.map_or(Ok(default), |table| table.scalar(field, default))?;
        Ok(())
    }

    fn real(&mut self, field: u16, value: &mut f32) -> Result<(), OptionError> {
        *value = self.table.map_or(Ok(0.0), |table| table.scalar(field, 0.0))?;
        Ok(())
    }

    fn choice<T: Copy + PartialEq>(
        &mut self,
        field: u16,
        option: &'static str,
        value: &mut T,
        choices: &[(i8, T)],
    ) -> Result<(), OptionError> {
        let number = self.byte(field)?;
        let chosen = choices.iter().find(|(choice, _)| *choice == number);
        *value = chosen.ok_or(OptionError::BadValue { option, value: i64::from(number) })?.1;
        Ok(())
    }

    fn integers(&mut self, field: u16, value: &mut Vec<i32>) -> Result<(), OptionError> {
        let vector = self.table.map_or(Ok(None), |table| table.vector(field))?;
        *value = vector.map_or_else(Vec::new, |vector| vector.iter().collect());
        Ok(())
    }

    fn text(&mut self, field: u16, value: &mut String) -> Result<(), OptionError> {
        let text = self.table.map_or(Ok(None), |table| table.string(field))?;
        *value = text.unwrap_or_default().to_owned();
        Ok(())
    }

    fn zero(&mut self, field: u16, option: &'static str) -> Result<(), OptionError> {
        match self.byte(field)? {
            0 => Ok(()),
            value => Err(OptionError::Unsupported { option, value: i64::from(value) }),
        }
    }

    fn hint(&mut self, field: u16, option: &'static str) -> Result<(), OptionError> {
        if self.byte(field)? != 0 {
            self.hints.push(option);
        }
        Ok(())
    }
}

/// Fills a table from attributes.
#[derive(Debug, Default)]
pub struct Writing {
    /// The table.
    pub table: TableBuilder,
}

impl Fields for Writing {
    fn integer(
        &mut self,
        field: u16,
        _: &'static str,
        value: &mut i32,
        default: i32,
    ) -> Result<(), OptionError> {
        self.table.scalar(field, *value, default);
        Ok(())
    }

    fn flag(&mut self, field: u16, value: &mut bool, default: bool) -> Result<(), OptionError> {
        self.table.scalar(field, *value, default);
        Ok(())
    }

    fn real(&mut self, field: u16, value: &mut f32) -> Result<(), OptionError> {
        // By bits, so that -0.0 and NaN survive.
        self.table.scalar(field, value.to_bits(), 0);
        Ok(())
    }

    fn choice<T: Copy + PartialEq>(
        &mut self,
        field: u16,
        option: &'static str,
        value: &mut T,
        choices: &[(i8, T)],
    ) -> Result<(), OptionError> {
        let chosen = choices.iter().find(|(_, choice)| choice == value);
        let (number, _) = chosen.ok_or(OptionError::Inexpressible { option })?;
        self.table.scalar(field, *number, 0);
        Ok(())
    }

    fn integers(&mut self, field: u16, value: &mut Vec<i32>) -> Result<(), OptionError> {
        if !value.is_empty() {
            self.table.object(field, Object::scalars(value.iter().copied()));
        }
        Ok(())
    }

    fn text(&mut self, field: u16, value: &mut String) -> Result<(), OptionError> {
        if !value.is_empty() {
            self.table.string(field, value);
        }
        Ok(())
    }

    fn zero(&mut self, _: u16, _: &'static str) -> Result<(), OptionError> {
        Ok(())
    }

    fn hint(&mut self, _: u16, _: &'static str) -> Result<(), OptionError> {
        Ok(())
    }
}

/// An operator whose attributes stand in an option table.
pub trait Options {
    /// Lists the fields.
    ///
    /// # Errors
    /// A field that cannot be read, or an attribute that the format cannot hold.
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError>;
}

/// Operators without attributes.
macro_rules! no_fields {
    ($($operator:ident),* $(,)?) => {
        $(impl $crate::tflite::operators::fields::Options for cofit_ir::ops::$operator {
            fn fields(
                &mut self,
                _: &mut impl $crate::tflite::operators::fields::Fields,
            ) -> Result<(), $crate::tflite::operators::fields::OptionError> {
                Ok(())
            }
        })*
    };
}

pub(crate) use no_fields;
