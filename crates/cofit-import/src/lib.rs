//! Model files: TFLite in and out, and sketches.
//!
//! [`load`] recognises a file by its content and reads it. Every reader collects all messages it
//! can, never panics, and takes memory in proportion to the file.
//!
//! - [`tflite`]: TFLite files, read and written.
//! - [`sketch`]: short parameterised descriptions of networks, expanded to models.

pub mod flatbuffer;
pub mod format;
pub mod sketch;
pub mod tflite;

pub use format::{Format, load};
