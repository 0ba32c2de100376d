//! Rules of source that is written for training frameworks.

crate::codes! {
    NO_LAYER = "CF-SRC-001", Constraint,
        "A training framework has no layer for the operator as the model uses it",
        why: "Source for PyTorch and Keras names layers that both have; control flow, variables, and kernels of one format alone have no such layer.",
        cure: "Take the operator out of the model, or write the model in a format that has it, such as .tflite.";
}
