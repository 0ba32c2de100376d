//! Rules that every plan obeys. A breach is a mistake in cofit.

crate::codes! {
    COVERAGE = "CF-PLN-001", Internal,
        "Every operator of the graph is covered by exactly one step",
        why: "A plan that forgets an operator, or runs one twice, does not compute the model.",
        cure: "Please report the message together with the model and the card.";
    ORDER = "CF-PLN-002", Internal,
        "Every activation is written before it is read",
        why: "Steps run in the order of the plan.",
        cure: "Please report the message together with the model and the card.";
    BUFFER = "CF-PLN-003", Internal,
        "Every activation has one buffer, live and large enough at every step that touches it",
        why: "A step that reads or writes outside its buffer destroys another one.",
        cure: "Please report the message together with the model and the card.";
    ALIGNMENT = "CF-PLN-004", Internal,
        "Every address is a multiple of its buffer's alignment",
        why: "Engines and DMA channels fault on, or silently round, unaligned addresses.",
        cure: "Please report the message together with the model and the card.";
    OVERLAP = "CF-PLN-005", Internal,
        "No two buffers overlap in bytes and steps at once",
        why: "Overlapping live buffers overwrite each other.",
        cure: "Please report the message together with the model and the card.";
    CAPACITY = "CF-PLN-006", Internal,
        "No memory is exceeded without a refusal",
        why: "A plan that fits on paper only is the mistake that cofit exists to prevent.",
        cure: "Please report the message together with the model and the card.";
    STREAMING = "CF-PLN-007", Internal,
        "Every byte that a piece of an operator reads lies where it was written last",
        why: "Rings and results that follow their operands leave no room for mistakes: a byte too few destroys a pixel that is still needed.",
        cure: "Please report the message together with the model and the card.";
    TRANSFER = "CF-PLN-008", Internal,
        "Every transfer fills a live buffer in time, and nothing else",
        why: "A copy that comes late or lands on live bytes destroys the result.",
        cure: "Please report the message together with the model and the card.";
}
