//! Which format a file is in.

use bytes::Bytes as SharedBytes;
use cofit_ir::{Model, Source};
use cofit_vocab::diagnostic::usage::UNKNOWN_FORMAT;
use cofit_vocab::{Diagnostic, Diagnostics, Place};
use sha2::{Digest, Sha256};

use crate::onnx::{self, OnnxOptions};
use crate::tflite;

/// A format of model files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A TFLite FlatBuffer.
    Tflite,
    /// The text form of a model.
    Text,
    /// A sketch, in TOML.
    Sketch,
    /// An ONNX protobuf message.
    Onnx,
}

impl Format {
    /// The format of `bytes`, by their content: the identifier `TFL3` at byte 4, or UTF-8 text
    /// whose first statement is the keyword `model` with a quoted name, or other UTF-8 text that
    /// has statements. ONNX has no identifier: it is what reads to its end as a message with a
    /// version, a graph and a version of an operator set.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        if bytes.get(4..8) == Some(&tflite::schema::IDENTIFIER) {
            return Some(Self::Tflite);
        }
        if onnx::is_onnx(bytes) {
            return Some(Self::Onnx);
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = text.lines().map(str::trim);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'))?;
        let name = first.strip_prefix("model").map(str::trim_start);
        if name.is_some_and(|name| name.starts_with('"')) {
            return Some(Self::Text);
        }
        (first.starts_with('[') || first.contains('=')).then_some(Self::Sketch)
    }
}

/// Reads a model file of any format. `file` is its name as the user gave it, for messages; it
/// decides nothing unless the content says nothing, so that a damaged `.tflite` is called damaged.
///
/// The model is there unless a message is an error. ONNX files are read without options; their
/// external data are absent. [`load_with`] takes both.
pub fn load(bytes: SharedBytes, file: &str) -> (Option<Model>, Diagnostics) {
    load_with(bytes, file, &OnnxOptions::default(), &|_, _, _| None)
}

/// Reads a model file of any format, as [`load`] does. `options` are those of ONNX files, and
/// `external` finds the constants that they keep elsewhere; other formats use neither.
pub fn load_with(
    bytes: SharedBytes,
    file: &str,
    options: &OnnxOptions,
    external: &onnx::External<'_>,
) -> (Option<Model>, Diagnostics) {
    let unknown = |message: &str| {
        let place = Place::default().with_file(file);
        (None, Diagnostic::error(&UNKNOWN_FORMAT, message, place).into())
    };
    match Format::detect(&bytes) {
        Some(Format::Tflite) => tflite::read(bytes, file),
        Some(Format::Text) => text(&bytes, file),
        Some(Format::Sketch) => unknown("sketches are not read here"),
        Some(Format::Onnx) => onnx::load(bytes, file, options, external),
        None if file.to_ascii_lowercase().ends_with(".tflite") => tflite::read(bytes, file),
        None if file.to_ascii_lowercase().ends_with(".onnx") => {
            onnx::load(bytes, file, options, external)
        }
        None => unknown("the content is neither TFLite nor ONNX nor text"),
    }
}

/// Reads and verifies model text. Text that does not state its source is its own.
fn text(bytes: &[u8], file: &str) -> (Option<Model>, Diagnostics) {
    let text = String::from_utf8_lossy(bytes);
    match cofit_ir::text::parse(&text, Some(file)) {
        Ok(mut model) => {
            if model.source == Source::default() {
                let digest = Sha256::digest(bytes);
                let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                model.source = Source { file: file.to_owned(), sha256 };
            }
            let found = cofit_ir::verify::verify(&model);
            ((!found.has_errors()).then_some(model), found)
        }
        Err(found) => (None, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_decides() {
        let cases: [(&[u8], Option<Format>); 9] = [
            (b"\x1c\0\0\0TFL3", Some(Format::Tflite)),
            (b"# a comment\n\nmodel \"kws\"\n", Some(Format::Text)),
            (b"model = \"kws\"\n", Some(Format::Sketch)),
            (b"[sketch]\nwidth = 2\n", Some(Format::Sketch)),
            (b"\x08\x08\x3a\x00\x42\x00", Some(Format::Onnx)),
            (b"", None),
            (b"version https://git-lfs.github.com/spec/v1\n", None),
            (b"\xff\xfe\0", None),
            (b"TFL3", None),
        ];
        for (bytes, format) in cases {
            assert_eq!(Format::detect(bytes), format, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_damaged_tflite_file_is_called_damaged() {
        let code = |file| load(SharedBytes::from_static(b"\0\0\0\0"), file).1.into_vec()[0].code.id;
        assert_eq!(code("net.TFLITE"), "CF-TFL-001");
        assert_eq!(code("net.onnx"), "CF-ONX-001");
        assert_eq!(code("net.bin"), "CF-USE-006");
    }
}
