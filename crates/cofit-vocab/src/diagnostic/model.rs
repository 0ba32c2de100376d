//! Rules that every model obeys, whatever file it came from.
//!
//! Numbers below 100 are the verifier's, those from 101 the text form's.

crate::codes! {
    SHAPE_MISMATCH = "CF-MOD-001", Model,
        "A tensor's stored shape disagrees with the operator that writes it",
        why: "The shape that follows from the operator's inputs and attributes is not the shape that the file states.",
        cure: "Export the model again; a file whose shapes disagree was edited or written by a broken exporter.";
    ELEMENT_MISMATCH = "CF-MOD-002", Model,
        "A tensor's element type disagrees with the operator that writes it",
        why: "The element type that follows from the operator's inputs and attributes is not the one that the file states.",
        cure: "Export the model again; a cast or a quantisation step was lost on the way.";
    NO_GRAPH = "CF-MOD-003", Model,
        "The model has no graph",
        why: "The first graph is the one that an inference runs, so there has to be one.",
        cure: "Export the model again; the file holds no network.";
    UNKNOWN_TENSOR = "CF-MOD-004", Model,
        "Something names a tensor that the graph does not have",
        why: "Operators, graph inputs and graph outputs refer to tensors by position, and the position lies beyond the list.",
        cure: "Export the model again; the file is damaged.";
    WRITTEN_TWICE = "CF-MOD-005", Model,
        "A tensor gets its value from two places",
        why: "Every tensor is written by at most one operator, or is fed once as a graph input, so that its value does not depend on when it is read.",
        cure: "Export the model again, with a tensor of its own for every result.";
    WRITTEN_CONSTANT = "CF-MOD-006", Model,
        "A constant is written or fed",
        why: "A tensor with a fixed value can be neither the result of an operator nor a graph input.",
        cure: "Export the model again; the tensor has data where it should have none.";
    NOT_READY = "CF-MOD-007", Model,
        "A tensor is read before anything has given it a value",
        why: "Operators are stored in an order in which they can run. An operand is a constant, a variable, a graph input, or the result of an earlier operator; so is a graph output.",
        cure: "Export the model again; the graph has a cycle, or operators in the wrong order, or lost the one that makes the tensor.";
    BROKEN_RULE = "CF-MOD-008", Model,
        "An operator's operands are none that its definition allows",
        why: "A required operand is missing, or shapes and attributes do not go together.",
        cure: "Export the model again; if another runtime accepts the file, please report it.";
    OPERAND_COUNT = "CF-MOD-009", Model,
        "An operator has too few or too many operands or results",
        why: "The number of operands and results is part of an operator's definition.",
        cure: "Export the model again; if another runtime accepts the file, please report it.";
    CONSTANT_LENGTH = "CF-MOD-010", Model,
        "A constant has more or fewer bytes than its shape needs",
        why: "Elements are stored densely, so shape and element type say how many bytes there are.",
        cure: "Export the model again; the file is damaged, or a constant is sparse or compressed.";
    BAD_QUANTISATION = "CF-MOD-011", Model,
        "A quantisation does not fit its tensor",
        why: "There is one scale for the tensor or one for every slice of an existing axis, as many zero points or one, and every scale is finite and not negative.",
        cure: "Export the model again; scales and axis were written for another shape.";
    BAD_CALL = "CF-MOD-012", Model,
        "An operator calls a graph that is not there or does not fit",
        why: "A called graph exists, takes as many inputs as it is given and returns as many outputs as are expected.",
        cure: "Export the model again; a graph was lost or changed without its caller.";
    RECURSION = "CF-MOD-013", Model,
        "A graph calls itself",
        why: "Buffers are placed once for every graph, so no graph may run while it is running already, be it by way of others.",
        cure: "Replace the recursion by a loop operator.";
    TOO_MANY_AXES = "CF-MOD-014", Model,
        "A tensor has more axes than any runtime handles",
        why: "Shapes are short lists of at most 16 axes; runtimes for edge devices stop at 4 to 8.",
        cure: "Export the model again; the file is damaged.";
    TEXT_SYNTAX = "CF-MOD-101", Model,
        "The model text is not well formed",
        why: "Model text has one statement a line: model, description, source, metadata, graph, input, output, tensor, or results = operator(operands).",
        cure: "Compare the line with the grammar in the documentation of the text form.";
    TEXT_LABEL = "CF-MOD-102", Model,
        "A label of the model text is unknown, declared twice or reserved",
        why: "Operators, inputs and outputs name tensors by the labels that tensor statements of the same graph declare.",
        cure: "Declare the tensor with a `tensor LABEL \"name\" type[shape]` line, once.";
    TEXT_OPERATOR = "CF-MOD-103", Model,
        "The model text names an operator that does not exist",
        why: "The set of operators is closed; anything else is `custom` with a code.",
        cure: "Check the spelling; operators are lower case with underscores, such as `depthwise_conv2d`.";
    TEXT_ATTRIBUTE = "CF-MOD-104", Model,
        "An attribute in the model text is unknown, given twice or has no such value",
        why: "Each operator has its own attributes, each with a type; those not given take their default.",
        cure: "Check the spelling and the value against the operator's documentation.";
}
