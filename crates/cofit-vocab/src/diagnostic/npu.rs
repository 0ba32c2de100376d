//! Rules of the Ethos-U machine model.

crate::codes! {
    NO_BLOCK = "CF-NPU-001", Constraint,
        "No block of the operation fits the NPU's shared buffer",
        why: "Input, accumulators and tables of one block share the SHRAM of the NPU, and the smallest block of this operation already exceeds it.",
        cure: "Make the window or the stride smaller, or let the operator run on the CPU.";
    EMPTY_TENSOR = "CF-NPU-002", Model,
        "An NPU operation has a tensor without elements",
        why: "An extent of zero leaves nothing to compute.",
        cure: "Export the model with a static, non-empty input shape.";
    NOT_LOWERABLE = "CF-NPU-003", Constraint,
        "The operator has no lowering to NPU operations",
        why: "Shape, element type or attributes lie outside what the hardware's operations can express.",
        cure: "Let the operator run on the CPU, or change the model as the message says.";
    BAD_WEIGHTS = "CF-NPU-004", Model,
        "The weights do not match the operation",
        why: "The number of weight values or zero points differs from what the shapes demand.",
        cure: "Export the model again; the weight tensor is truncated or mislabelled.";
    EXTENT_BEYOND_HARDWARE = "CF-NPU-005", Constraint,
        "A tensor's extent is beyond what one NPU operation addresses",
        why: "Height, width and channels of an operation's tensors are 16-bit registers; an operator over larger tensors would have to be cut into several operations, which is not modelled.",
        cure: "Split the tensor, or let the operator run on the CPU.";
    BAD_GOLDEN = "CF-NPU-006", Internal,
        "A golden table cannot be read",
        why: "The tables of Vela's figures are comma-separated with a fixed header.",
        cure: "Make the tables again with crates/cofit-ethos-u/tests/data/extract.py.";
}
