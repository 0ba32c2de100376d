//! Rules by which a chip refuses or restricts a model.

crate::codes! {
    OPERATOR_UNSUPPORTED = "CF-CHP-001", Constraint,
        "The engine does not have the operator",
        why: "The card lists every operator that the engine runs; an operator that is not listed is not there.",
        cure: "Use an operator that `cofit chips show` lists for the engine, or let the host run it if the card names one.";
    KERNEL_LIMIT = "CF-CHP-002", Constraint,
        "The kernel exceeds the engine's limits",
        why: "Hardware windows have fixed sizes: what does not fit is refused, not approximated.",
        cure: "Stack smaller kernels: two 3x3 have the reach of one 5x5.";
    STRIDE_LIMIT = "CF-CHP-003", Constraint,
        "The stride exceeds the engine's limits",
        why: "The engine's address generators step by the strides that the card lists.",
        cure: "Use a listed stride, or a stride of 1 followed by pooling.";
    DILATION_LIMIT = "CF-CHP-004", Constraint,
        "The dilation exceeds the engine's limits",
        why: "The engine's address generators skip by the dilations that the card lists.",
        cure: "Use a listed dilation, or a larger kernel.";
    PADDING_LIMIT = "CF-CHP-005", Constraint,
        "The padding exceeds the engine's limits",
        why: "The engine makes borders itself, up to a size and in the modes that the card lists.",
        cure: "Use the listed padding, or pad before with an operator of its own.";
    CHANNEL_LIMIT = "CF-CHP-006", Constraint,
        "The number of channels is outside the engine's limits",
        why: "Channels map to processors or to rows of an array, and both are finite.",
        cure: "Choose a width within the limits; widths are cheapest at the engine's own multiple.";
    EXTENT_LIMIT = "CF-CHP-007", Constraint,
        "A dimension is outside the engine's limits",
        why: "Counters and line buffers of the engine bound heights, widths, ranks and batches.",
        cure: "Lower the resolution, or split the map before this operator.";
    GROUP_LIMIT = "CF-CHP-008", Constraint,
        "The grouping of channels is not one that the engine has",
        why: "Grouped and depthwise convolutions use the array differently from dense ones.",
        cure: "Use a grouping that the card lists, dense or depthwise.";
    ACTIVATION_LIMIT = "CF-CHP-009", Constraint,
        "The activation is not one that the engine applies",
        why: "The output stage of the engine has a fixed set of functions.",
        cure: "Use a listed activation, such as relu.";
    ELEMENT_LIMIT = "CF-CHP-010", Constraint,
        "The element type is not one that the operator takes on this engine",
        why: "The card limits the operator to the listed element types.",
        cure: "Quantise the model to a listed type.";
    WEIGHTS_NOT_CONSTANT = "CF-CHP-011", Constraint,
        "The weights are computed at run time",
        why: "The engine's compiler reorders or encodes weights ahead of time, so they must be constants.",
        cure: "Make the weights constants, or let the host run the operator.";
    OPERAND_LIMIT = "CF-CHP-012", Constraint,
        "The operator has more or fewer operands than the engine takes",
        why: "The engine reads a bounded number of feature maps at once.",
        cure: "Split the operator into several with fewer operands.";
    WEIGHT_SCALES = "CF-CHP-013", Constraint,
        "The weights have a scale for each channel",
        why: "The engine multiplies by one scale for the whole tensor, and its tools run layers with a scale for each channel elsewhere, more slowly.",
        cure: "Quantise the weights with one scale for each tensor, or accept the slower engine.";
    PRECISION_UNSUPPORTED = "CF-CHP-020", Constraint,
        "The engine does not multiply these widths",
        why: "An engine supports pairs of weight and activation widths; a pair that the card does not list, or lists as unsupported, does not run there.",
        cure: "Quantise to a pair that `cofit chips show` lists, or let the host run the operator if it has the pair.";
    REQUIREMENT_UNMET = "CF-CHP-021", Constraint,
        "The widths need something of the model that it does not have",
        why: "Some widths cannot stand alone: weights without a zero value need a bias, for instance.",
        cure: "Add what the message names, or use other widths.";
    MEMORY_EXCEEDED = "CF-CHP-030", Constraint,
        "A memory is too small",
        why: "Everything that is live at the busiest step, with the runtime's own state and what is reserved, must fit.",
        cure: "Lower the resolution or the width around the layer at the peak; `cofit plan` lists what is alive there.";
    BLOCK_EXCEEDED = "CF-CHP-031", Constraint,
        "A buffer is larger than the largest contiguous block",
        why: "Several banks add up to a size that no single buffer can have.",
        cure: "Make the tensor smaller, or choose a chip with a larger contiguous block.";
    MAP_EXCEEDED = "CF-CHP-032", Constraint,
        "A feature map is larger than the engine's limit per channel",
        why: "Each processor owns its part of the data memory, so a channel has a largest number of pixels.",
        cure: "Lower the resolution before this layer, or let the first layers stream.";
    WEIGHTS_EXCEEDED = "CF-CHP-033", Constraint,
        "The constants do not fit",
        why: "Weights and biases must be resident where the engine reads them.",
        cure: "Use fewer or narrower weights.";
    STAGING_EXCEEDED = "CF-CHP-034", Constraint,
        "A layer's weights find no room on their way to the engine",
        why: "The engine reads weights from fast memory only, so at least the weights of one output channel must fit there beside the activations.",
        cure: "Lower the resolution or the width around the layer, so that its activations leave room.";
    PROCESSOR_EXCEEDED = "CF-CHP-035", Constraint,
        "A processor's own memory is exceeded",
        why: "Every processor holds the weights of its own channels, and its group the pixels; what others have free is of no use to it.",
        cure: "Use fewer or narrower weights in the layers with many input channels, fewer output channels, or smaller maps.";
    NO_ARRANGEMENT = "CF-CHP-036", Constraint,
        "No arrangement of channels on processors was found",
        why: "Sums fit, and whether each processor's own memory can be made to fit was not settled within the search's budget.",
        cure: "Try the vendor's tools with processor maps of your own.";
    LAYER_LIMIT = "CF-CHP-040", Constraint,
        "The network has more layers than the engine's sequencer",
        why: "The engine holds its program in registers, a set for every layer.",
        cure: "Use fewer layers.";
    FALLBACK = "CF-CHP-050", Constraint,
        "An operator runs on the host",
        why: "The first engine refuses the operator, so its host runs it, at the host's speed and with the transfer that this takes.",
        cure: "See the rule that the message names; `cofit explain` tells what the engine would take.";
    SPILLED = "CF-CHP-051", Constraint,
        "A buffer lies in a slower memory",
        why: "The faster memories were full, so this buffer went to the next one that has room.",
        cure: "Lower the resolution or the width around the layer, if its time matters.";
    OWN_PLANNER = "CF-CHP-052", Constraint,
        "The runtime's own planner needs more bytes than the plan",
        why: "Without a plan in the file the runtime lays the arena out by itself, largest buffer first, and wastes room that a better layout does not need.",
        cure: "Write the plan into the file with `cofit plan --tflm`, or give the arena what the message names.";
    UNFOLDED = "CF-CHP-053", Constraint,
        "Batch normalisation runs as an operator of its own",
        why: "The runtime's tools do not fold it into the layer before, so every element is read, scaled and written once more, and no activation joins the layer.",
        cure: "Fold it into weights and biases before quantising: make that a rule of the architecture.";
    BUDGET_EXCEEDED = "CF-CHP-060", Constraint,
        "A budget given on the command line is exceeded",
        why: "`--max-latency` and `--max-energy` make a limit of a figure that the card does not limit.",
        cure: "See the layers that cost most with `cofit sim`.";
}
