//! The TFLite reader: any bytes are read or refused with an error of the file's, and what was read
//! survives being written and read again.

#![no_main]

use bytes::Bytes;
use cofit_import::tflite;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (model, messages) = tflite::read(Bytes::copy_from_slice(data), "fuzz.tflite");
    assert_eq!(model.is_none(), messages.has_errors());
    for message in &messages {
        assert_eq!(message.code.fault, cofit_vocab::Fault::Model);
        assert!(message.to_string().len() < 4096);
    }
    let Some(model) = model else { return };
    let file = tflite::write(&model).expect("what was read can be written");
    let (again, _) = tflite::read(file.into(), "fuzz.tflite");
    let again = again.expect("what was written can be read");
    // Only a NaN makes a model differ from itself.
    if tflite::same_model(&model, &model) {
        assert!(tflite::same_model(&model, &again));
    }
});
