//! Rules for TFLite files.

crate::codes! {
    NOT_TFLITE = "CF-TFL-001", Model,
        "The file does not carry the TFLite identifier",
        why: "A TFLite file has the letters TFL3 at byte 4. Without them nothing that follows can be trusted to be a model.",
        cure: "Check that the file is a .tflite model and not, for example, a Git LFS pointer, an archive or a web page.";
    OUT_OF_BOUNDS = "CF-TFL-002", Model,
        "An offset points outside the file",
        why: "The parts of a TFLite file refer to each other by offsets. One that leaves the file means that the file was cut short or damaged.",
        cure: "Compare the file's size and checksum with the original, and copy or download it again.";
    BAD_TABLE = "CF-TFL-003", Model,
        "A table's layout contradicts itself",
        why: "Every table states its length and where its fields stand. Fields outside their table mean that the file was damaged.",
        cure: "Compare the file's checksum with the original, or export the model again.";
    NOT_UTF8 = "CF-TFL-004", Model,
        "A name is not UTF-8",
        why: "Names of tensors, operators and metadata are UTF-8 text by definition of the format.",
        cure: "Export the model again with plain names.";
    TOO_MUCH_DATA = "CF-TFL-005", Model,
        "The file describes more than its size can hold",
        why: "Offsets may be shared, so a small file can describe an enormous model. Reading stops when the description outgrows many times the file's size, which no exporter produces.",
        cure: "Do not trust the file. If an exporter wrote it, please report it.";
    UNSUPPORTED_VERSION = "CF-TFL-006", Model,
        "The file has another schema version than 3",
        why: "Version 3 is the only one that released converters have written.",
        cure: "Convert the model again with a current converter.";
    NO_SUBGRAPH = "CF-TFL-007", Model,
        "The file has no graph",
        why: "An inference runs the first graph of the file, and there is none.",
        cure: "Export the model again.";
    BAD_INDEX = "CF-TFL-008", Model,
        "An index names something that the file does not have",
        why: "Tensors, buffers, operator codes and graphs are named by their place in the file's lists.",
        cure: "Compare the file's checksum with the original, or export the model again.";
    UNSUPPORTED_OPERATOR = "CF-TFL-009", Model,
        "The operator is not among those that cofit knows",
        why: "A plan needs the shape rule, the arithmetic and the cost of every operator, so an unknown one cannot be skipped.",
        cure: "Replace the operator in the model, cut the model before it, or ask for it to be added.";
    UNSUPPORTED_ELEMENT_TYPE = "CF-TFL-010", Model,
        "The element type is not among those that cofit knows",
        why: "Strings, complex numbers, bfloat16, 8-bit floats, unsigned 4-bit and unsigned 64-bit integers have no counterpart on the targets described by cards.",
        cure: "Convert the model with one of the supported types; pre- and post-processing on strings belongs outside it.";
    SPARSE_TENSOR = "CF-TFL-011", Model,
        "The tensor is stored sparsely",
        why: "Sparse weights are stored in a form of their own that none of the supported runtimes executes directly.",
        cure: "Convert the model without the sparsity optimisation; zeros then stay zeros in a dense tensor.";
    BAD_SHAPE = "CF-TFL-012", Model,
        "A shape has a negative length or too many elements",
        why: "Axis lengths are at least 0, and the elements of a tensor must be countable in 63 bits. Axes left open are marked in the shape signature, not in the shape.",
        cure: "Export the model with fixed input shapes.";
    MISSING_OPTIONS = "CF-TFL-013", Model,
        "The operator lacks its options, or has those of another operator",
        why: "Strides, windows and axes stand in a table of options whose kind follows from the operator.",
        cure: "Export the model again; a converter always writes the options.";
    BAD_OPTION = "CF-TFL-014", Model,
        "An option has a value without meaning",
        why: "Padding, activation and element type are numbers of a fixed list, and strides and counts are not negative.",
        cure: "Compare the file's checksum with the original, or export the model again.";
    UNSUPPORTED_OPTION = "CF-TFL-015", Model,
        "An option asks for something that cofit does not model",
        why: "The option changes the result or the layout of the data, so it cannot be passed over.",
        cure: "Convert the model again without the option.";
    BAD_QUANTISATION = "CF-TFL-016", Model,
        "The axis of a quantisation is negative",
        why: "Scales run along an axis of their tensor, which is counted from 0.",
        cure: "Quantise and export the model again.";
    UNSUPPORTED_QUANTISATION = "CF-TFL-017", Model,
        "The quantisation is not affine per tensor or per axis",
        why: "Blockwise and custom quantisation map stored values in ways that the file's affine scales do not describe.",
        cure: "Quantise the model per tensor or per axis.";
    VARIABLE_WITH_DATA = "CF-TFL-018", Model,
        "A variable tensor has constant data",
        why: "A variable starts at zero and is changed by each inference; the official interpreter refuses one with data.",
        cure: "Export the model again; initial values belong in an initialisation graph.";
    EXTERNAL_DATA = "CF-TFL-019", Model,
        "A tensor's data is in another file",
        why: "Only the model file itself is read.",
        cure: "Export the model with its weights inside.";
    DROPPED = "CF-TFL-020", Model,
        "Something in the file is not carried into the model",
        why: "Signatures and the hints that only one runtime reads do not change what the model computes on a target.",
        cure: "Nothing needs to be done. Writing the model back will leave it out.";
    NAME_TOO_LONG = "CF-TFL-021", Model,
        "A name is longer than 64 KiB",
        why: "Names of that length come from no exporter, and would fill memory and messages.",
        cure: "Compare the file's checksum with the original, or export the model again.";
    WRITE_UNSUPPORTED = "CF-TFL-040", Model,
        "The model has something that the TFLite format cannot express",
        why: "Some operators, element types and paddings of the model have no counterpart in the format.",
        cure: "Rewrite the operator in terms of TFLite's own, or keep the model in text form.";
    WRITE_ABSENT_WEIGHTS = "CF-TFL-041", Model,
        "A constant's values are not known",
        why: "A TFLite file holds the bytes of every constant, and this model has only their shapes.",
        cure: "Give the sketch seeded weights, or import the model from a file that has them.";
    WRITE_TOO_LARGE = "CF-TFL-042", Model,
        "The model is too large for a TFLite file",
        why: "The format's offsets reach 2 GiB.",
        cure: "Split the model or store its weights with fewer bits.";
    PLAN_NEEDS_TFLITE = "CF-TFL-043", Usage,
        "Only a .tflite file can carry a memory plan for TFLM",
        why: "The plan is written into a copy of the file that the runtime loads, of which nothing else changes.",
        cure: "Give the .tflite file, or make one first with `cofit convert MODEL -o NEW.tflite`.";
    PLAN_NOT_WRITTEN = "CF-TFL-044", Model,
        "The file cannot carry a memory plan for TFLM",
        why: "TFLM reads offsets for the tensors of one graph, and the copy must keep everything else in the file as it is.",
        cure: "Run the file as it is: TFLM then places the tensors itself.";
}
