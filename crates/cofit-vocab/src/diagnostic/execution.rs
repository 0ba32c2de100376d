//! Rules of execution: what a model must have before it can be run, and what a run may meet.

crate::codes! {
    NO_KERNEL = "CF-EXE-001", Model,
        "An operator cannot be executed as it stands",
        why: "Every operator is executed in float32 and in the integer types that TensorFlow Lite for Microcontrollers defines it for. Another combination of types, or an operand that must be fixed and is computed, has no defined result.",
        cure: "Quantise the model to types that its operators are defined for, or export it with static shapes. Checking, planning and simulating work all the same.";
    VALUES_ABSENT = "CF-EXE-002", Model,
        "The values of constants are not there",
        why: "A sketch without a seed, and an ONNX file without its external data, have shapes but no weights. They can be checked, planned and simulated, but not run.",
        cure: "Give a sketch random weights with `--seed N`, or put the external data file beside the ONNX file.";
    RUN_FAULT = "CF-EXE-003", Model,
        "An operator met a value that it is not defined for",
        why: "Some operators depend on values: an index selects a slice that must exist, a loop must end.",
        cure: "Check the input, and run with `--dump-layers` to see which tensor is the first wrong one.";
    TOO_LARGE = "CF-EXE-004", Model,
        "The tensors are too large to execute the model",
        why: "Execution holds every live tensor in memory, and a file can state shapes that no machine can hold.",
        cure: "Check the shapes with `cofit inspect`; fix open axes to the size that is meant.";
    WRONG_INPUT = "CF-EXE-005", Usage,
        "An input does not have the type or shape that the model states",
        why: "A run takes one array for every input of the model, with its element type and number of elements.",
        cure: "Compare with the inputs that `cofit inspect` lists. Arrays of floats are quantised for integer inputs; arrays of other types are taken as they are.";
    NOT_ITS_SCHEDULE = "CF-EXE-006", Internal,
        "A schedule is not one of the model that is to run",
        why: "A schedule names stages and values of the graph that it was made for. Its groups must be all stages in order, its strips all columns, and everything that is needed must have a place.",
        cure: "Make the schedule from the graph that is run, with its operators in the same order.";
    BYTE_LOST = "CF-EXE-007", Internal,
        "A byte is read from the arena that is not there",
        why: "Every byte of the arena remembers which byte of which value was written to it last. A schedule is wrong where a piece reads a byte that was overwritten, freed, or not yet written.",
        cure: "Report the schedule together with the model: its addresses or its order of pieces are wrong.";
}
