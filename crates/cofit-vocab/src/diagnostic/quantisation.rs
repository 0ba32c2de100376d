//! Rules of quantisation: schemes, calibration, what a chip allows, what a score needs.

crate::codes! {
    UNREADABLE_SCHEME = "CF-QNT-001", Usage,
        "A quantisation scheme cannot be read",
        why: "A scheme names the bits of weights and of activations, as `w8a8`, `w4a8` or `w8a16`. Weights may have 8, 4, 2 or 1 bits, activations 8 or 16.",
        cure: "Write `w`, the bits of a weight, `a`, the bits of an activation; a layer's own scheme as `LAYER=w8a8`.";
    UNKNOWN_LAYER = "CF-QNT-002", Usage,
        "A layer that has a scheme of its own is not in the model",
        why: "A scheme for one layer names it as messages and tables do: by the name of its first result. A misspelt name would otherwise be quantised like the rest without a word.",
        cure: "List the layers with `cofit inspect` and copy the name.";
    NO_SAMPLES = "CF-QNT-003", Usage,
        "Calibration has nothing to measure",
        why: "The ranges of activations come from running the float model on samples. Without samples, or with values that are not finite, a range is a guess.",
        cure: "Give samples from training data, not the test data that the result is judged by; about a hundred are enough for most models.";
    STAYS_FLOAT = "CF-QNT-004", Model,
        "An operator stays in float",
        why: "An operator without an integer kernel is computed in float between a dequantisation and a quantisation, as TFLite's converter does. A chip without a float unit pays for that with time.",
        cure: "Replace the operator by ones that have integer kernels, or accept the float part.";
    NOT_FLOAT = "CF-QNT-005", Model,
        "The model is not one that can be quantised",
        why: "Quantisation starts from a float32 model with its weights. A model that is quantised already, or whose weights are absent, has nothing to start from.",
        cure: "Give the float32 model that the quantised one was made from.";
    CHIP_ALLOWS_NONE = "CF-QNT-006", Constraint,
        "The chip multiplies no pair of widths that was asked for",
        why: "A chip's card lists the pairs of weight and activation widths that each engine multiplies. Quantising to another pair makes a model that its compiler refuses.",
        cure: "Take a pair that the card lists, or leave the choice to the chip.";
    NOT_REPRESENTABLE = "CF-QNT-007", Constraint,
        "A pair of widths on the card has a form that is not made here",
        why: "One-bit weights are made as -1 and +1. Some chips take other values, such as -1 and 0, for which the network must be trained.",
        cure: "Take another pair, or train for the chip with its vendor's tools.";
    WRONG_TASK = "CF-QNT-008", Usage,
        "Outputs and labels do not make the score that was asked for",
        why: "An accuracy needs one label a sample that is a class of the output; an area under the ROC curve needs samples of both kinds; a difference from the input needs an output of its shape.",
        cure: "Check the labels and the score.";
    STOPPED = "CF-QNT-009", Usage,
        "The work was stopped before its end",
        why: "Whoever watches the progress asked for it.",
        cure: "Start again; nothing was changed.";
    ROUNDING_UNSTATED = "CF-QNT-010", Card,
        "The card does not say how the engine rounds",
        why: "A requantisation rounds once or twice, which changes a few results in a thousand by one. Where the card is silent, the model is executed as TensorFlow Lite for Microcontrollers does it, which rounds twice.",
        cure: "State `rounding` of the engine in the card, with its source.";
    BIAS_CLIPPED = "CF-QNT-011", Model,
        "A bias does not fit its integer type",
        why: "A bias is stored in steps of input scale times weight scale. A chip with narrow biases, or a layer with tiny weights, cuts large ones off.",
        cure: "Equalise the layers, or take wider weights or activations for this one.";
}
