//! The ONNX reader: any bytes are read or refused with an error of the file's.

#![no_main]

use bytes::Bytes;
use cofit_import::onnx::{self, OnnxOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let options = OnnxOptions::default();
    // Half of what is asked for elsewhere is there.
    let external = |location: &str, _: u64, length: u64| {
        (location.len().is_multiple_of(2) && length < 1 << 20)
            .then(|| Bytes::from(vec![1; length as usize]))
    };
    let bytes = Bytes::copy_from_slice(data);
    let (model, messages) = onnx::load(bytes, "fuzz.onnx", &options, &external);
    assert_eq!(model.is_none(), messages.has_errors());
    for message in &messages {
        assert_eq!(message.code.fault, cofit_vocab::Fault::Model);
        assert!(message.to_string().len() < 4096);
    }
});
