//! Rules for sketches.

crate::codes! {
    SYNTAX = "CF-SKT-001", Model,
        "The sketch is no TOML",
        why: "A sketch is a TOML file, and the parser stopped at a place that TOML does not allow.",
        cure: "Mend the line that is underlined; https://toml.io describes the syntax.";
    VERSION = "CF-SKT-002", Model,
        "The sketch states no version of the form that is known",
        why: "A sketch begins with `sketch = 1`, which tells it from other TOML files and says which words it uses.",
        cure: "Write `sketch = 1` at the head of the file.";
    UNKNOWN_KEY = "CF-SKT-003", Model,
        "A key is not one that is known there",
        why: "A key that nobody reads is a mistake in spelling or stands in the wrong table, and leaving it out silently would build another network.",
        cure: "Correct the key; docs/sketch.md lists the keys of every kind of layer.";
    MISSING_KEY = "CF-SKT-004", Model,
        "A key that is needed is missing",
        why: "A sketch needs its version, an input and at least one layer.",
        cure: "Add the key; docs/sketch.md shows a whole sketch.";
    BAD_VALUE = "CF-SKT-005", Model,
        "A value is not of the form that its key takes",
        why: "Every key takes one form of value: a number or an expression, a word of a list, a name, or a list of them.",
        cure: "Write the value in the form that the message names.";
    LAYER_KIND = "CF-SKT-006", Model,
        "A layer has no kind, or more than one",
        why: "The kind of a layer is the one key among `conv`, `dense`, `max_pool` and so on that it contains.",
        cure: "Give each `[[layer]]` one kind; split a layer with two kinds into two.";
    EXPRESSION = "CF-SKT-007", Model,
        "An expression cannot be read or has no value",
        why: "Expressions hold numbers, parameters, + - * / ^, parentheses and the functions min, max, floor, ceil, round, round8 and divisible.",
        cure: "Mend the part that is underlined.";
    UNKNOWN_PARAMETER = "CF-SKT-008", Model,
        "An expression names no parameter of the sketch",
        why: "The names in expressions are those of `[parameters]`, of the block that the layer stands in, and `index`, the number of the repetition.",
        cure: "Correct the name, or declare it under `[parameters]`.";
    BAD_OVERRIDE = "CF-SKT-009", Usage,
        "A parameter was given a name or a value that the sketch does not allow",
        why: "`--param NAME=VALUE` replaces the value of a parameter that the sketch declares, by one of the same type within its range.",
        cure: "Give a declared parameter a value within its range.";
    BAD_PARAMETER = "CF-SKT-010", Model,
        "A parameter's declaration contradicts itself",
        why: "A parameter's value lies between its minimum and maximum or among its choices, and its name can be written in an expression.",
        cure: "Correct the value, the range or the name.";
    BAD_SIZE = "CF-SKT-011", Model,
        "A size is not a whole number within bounds",
        why: "Channels, kernels, strides and repetitions are whole numbers from 1, and bounded so that a slip of the pen does not fill memory.",
        cure: "Round with floor, ceil, round or round8, or choose a value within the bounds that the message names.";
    TOO_LARGE = "CF-SKT-012", Model,
        "The sketch expands to more than can be held",
        why: "A sketch of a few lines can ask for millions of operators or for terabytes of weights, so the expansion stops at stated limits.",
        cure: "Lower the repetitions or sizes, or expand without weights.";
    SHAPE = "CF-SKT-013", Model,
        "A layer cannot follow the one before it",
        why: "The operator's shape rule refuses the shapes that reach it, for instance a kernel larger than its input or a convolution after a dense layer.",
        cure: "Change the layer or the ones before it; the message states the shapes.";
    SHORTCUT = "CF-SKT-014", Model,
        "A block's shortcut does not match its result",
        why: "`shortcut = \"identity\"` adds the input to the result, which needs the same shape: stride 1 and equal channels.",
        cure: "Use `shortcut = \"auto\"`, or `\"projection\"` where the block has one.";
    UNKNOWN_NAME = "CF-SKT-015", Model,
        "A name is that of no result or block",
        why: "`from`, `add`, `concat` and `outputs` name results that an earlier layer was given with `as`, or `previous` or `input`; `use` names a block.",
        cure: "Correct the name, or name the layer or block that is meant.";
    BAD_NAME = "CF-SKT-016", Model,
        "A name is taken or cannot be used",
        why: "Names are made of letters, digits, `_`, `-` and `.`, at most 48 of them; a result's name is given once, and `previous` and `input` are reserved.",
        cure: "Choose another name.";
    PRECISION = "CF-SKT-017", Model,
        "A precision is none that a layer can have",
        why: "Weights have 1, 2, 4, 8 or 16 bits or are floats, activations have 4, 8 or 16 bits or are floats, and integer activations need integer weights.",
        cure: "Choose among float32, float16, int16, int8, uint8, int4, and for weights int2 and int1.";
    NESTING = "CF-SKT-018", Model,
        "Blocks use one another too deeply",
        why: "A block that uses itself, directly or through others, would never end; four levels of blocks within blocks are allowed.",
        cure: "Remove the cycle, or flatten the blocks.";
}
