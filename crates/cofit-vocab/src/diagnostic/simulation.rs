//! Rules of the event simulator: what a schedule must obey before it can be timed.

crate::codes! {
    DEPENDENCY_NOT_EARLIER = "CF-SIM-001", Internal,
        "A task depends on itself or on a task that is issued after it",
        why: "Tasks are listed in the order in which they are issued, and a task can wait only for tasks issued before it. A dependency in the other direction would wait for ever.",
        cure: "Please report the message together with the model and the card.";
    UNKNOWN_RESOURCE = "CF-SIM-002", Internal,
        "A task occupies a resource that the schedule does not declare",
        why: "Every engine, DMA channel and memory port is declared before tasks name it.",
        cure: "Please report the message together with the model and the card.";
    TOO_MANY_TASKS = "CF-SIM-003", Constraint,
        "The schedule has more tasks than the simulator accepts",
        why: "Tasks are numbered with 32 bits and simulated in memory, so a plan that tiles a layer into billions of pieces is refused instead of exhausting the machine.",
        cure: "Give the plan larger tiles, or simulate fewer steps at a time.";
}
