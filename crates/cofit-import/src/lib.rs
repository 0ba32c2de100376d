//! Model files: TFLite in and out, ONNX, and sketches.
//!
//! [`load`] recognises a file by its content and reads it. Every reader collects all messages it
//! can, never panics, and takes memory in proportion to the file.
//!
//! - [`tflite`]: TFLite files, read and written.
//! - [`onnx`]: ONNX files, read.
//! - [`sketch`]: short parameterised descriptions of networks, expanded to models.

pub mod flatbuffer;
pub mod format;
pub mod onnx;
pub mod sketch;
pub mod tflite;

pub use format::{Format, load, load_with};
