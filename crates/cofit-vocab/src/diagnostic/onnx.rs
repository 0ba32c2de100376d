//! Rules for ONNX files.

crate::codes! {
    NOT_ONNX = "CF-ONX-001", Model,
        "The file is no readable ONNX model",
        why: "An ONNX file is a protobuf message with a format version, operator set versions and a graph. One that does not decode was cut short, damaged, or is something else.",
        cure: "Compare the file's size and checksum with the original; a file of a few hundred bytes is often a Git LFS pointer.";
    TOO_MUCH_DATA = "CF-ONX-002", Model,
        "The file describes more than its size warrants",
        why: "A few bytes can describe millions of empty nodes, or constants that are copied over and over. Reading stops before memory runs out, at bounds that no exporter comes near.",
        cure: "Do not trust the file. If an exporter wrote it, please report it.";
    OPERATOR_SET = "CF-ONX-003", Model,
        "The operator set's version is outside those that cofit reads",
        why: "Operators change their meaning between versions of the standard set. Versions 7 to 21 are known; older ones are refused and newer ones are read as the newest that is known.",
        cure: "Export the model with an opset_version of 7 to 21, or convert it with onnx.version_converter.";
    UNSUPPORTED_OPERATOR = "CF-ONX-004", Model,
        "The operator is not among those that cofit reads",
        why: "A plan needs the shape rule, the arithmetic and the cost of every operator, so an unknown one cannot be skipped.",
        cure: "Replace the operator in the model, cut the model before it, or ask for it to be added.";
    UNSUPPORTED_FORM = "CF-ONX-005", Model,
        "The operator is known, but not with this attribute or operand",
        why: "An operator may have modes that no kernel of the described runtimes has. Approximating one silently would change what the model computes.",
        cure: "Export the model with another mode, or express the step with simpler operators.";
    BAD_NODE = "CF-ONX-006", Model,
        "A node contradicts its operator's definition",
        why: "An operand or attribute is missing or of the wrong form, or shapes do not go together.",
        cure: "Check the model with onnx.checker.check_model(model, full_check=True) and export it again.";
    BAD_TENSOR = "CF-ONX-007", Model,
        "A constant's data do not fit its shape",
        why: "A constant has exactly as many elements as its axis lengths say.",
        cure: "Export the model again; if the data are in another file, check that it belongs to this one.";
    UNSUPPORTED_ELEMENT_TYPE = "CF-ONX-008", Model,
        "The element type is not among those that cofit knows",
        why: "Strings, sequences, complex numbers, 8-bit floats and unsigned 64-bit integers have no counterpart on the targets described by cards.",
        cure: "Convert the model to float32 or a quantised form; pre- and post-processing on strings belongs outside it.";
    UNKNOWN_VALUE = "CF-ONX-009", Model,
        "A name is read that nothing before defines",
        why: "The nodes of a graph stand in an order in which they can run, and every operand is an input, a constant or an earlier result.",
        cure: "Export the model again; a graph that was edited may need sorting.";
    DYNAMIC = "CF-ONX-010", Model,
        "A shape or setting depends on data of the inference",
        why: "Plans are made ahead of time: axes, shapes, pads, scales and repetitions must be known when the model is read.",
        cure: "Export the model with fixed shapes, fix named axes with `--dim NAME=N`, and simplify it with onnxsim or onnxruntime's graph optimisations.";
    SYMBOLIC_DIMENSION = "CF-ONX-011", Model,
        "An input's axis has a name instead of a length, and is taken as 1",
        why: "The exporter left the axis open. One inference of a batch of one is the usual case on an edge chip; a sequence or an image of length 1 is not.",
        cure: "Fix the axis with `--dim NAME=N`.";
    EXTERNAL_DATA_ABSENT = "CF-ONX-012", Model,
        "Constants are kept in another file that was not found",
        why: "Large models keep their weights beside the .onnx file. Without them shapes, memory and time are still right, but nothing can be computed.",
        cure: "Put the named file into the model's folder. Files outside the folder are not read.";
    CONVERTED_WEIGHTS = "CF-ONX-013", Model,
        "Constants were converted to single precision",
        why: "Weights of half or double precision are computed with in float32, which is what float kernels of the described runtimes take.",
        cure: "Nothing needs to be done; sizes are those of float32.";
    UNKNOWN_DIMENSION = "CF-ONX-014", Usage,
        "`--dim` names an axis that the model does not have",
        why: "A misspelled name would leave the axis at 1 without a word.",
        cure: "The message lists the names that the model's inputs have.";
    BAD_INTERFACE = "CF-ONX-015", Model,
        "An input or output of the graph cannot be one of a model",
        why: "Inputs are tensors of a known number of axes, outputs are values that some node computes.",
        cure: "Export the model with tensors of known rank at its edges.";
    SYMMETRIC_WEIGHTS = "CF-ONX-016", Model,
        "Weights with a zero point were quantised anew without one",
        why: "The integer kernels of the described runtimes take weights that are symmetric around zero. Weights with a zero point get a step of their own, up to twice as large, so results differ a little from the file's.",
        cure: "Quantise weights symmetrically: in onnxruntime.quantization with weight_type=QuantType.QInt8, which is symmetric unless told otherwise.";
    WRITE_UNSUPPORTED = "CF-ONX-017", Model,
        "The model has something that is not written as ONNX",
        why: "Some operators, element types and forms of the model have no counterpart in the format, or none that a runtime executes.",
        cure: "Rewrite the operator in terms of the format's own, or write the model as .tflite.";
    WRITE_ABSENT_WEIGHTS = "CF-ONX-018", Model,
        "A constant's values are not known",
        why: "An ONNX file holds the values of every constant, and this model has only their shapes.",
        cure: "Give the sketch seeded weights, or import the model from a file that has them.";
    WRITE_TOO_LARGE = "CF-ONX-019", Model,
        "The model is too large for an ONNX file",
        why: "Messages of the format reach 2 GiB.",
        cure: "Store the weights with fewer bits, or split the model.";
}
