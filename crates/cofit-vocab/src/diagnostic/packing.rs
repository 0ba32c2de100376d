//! Rules of bare packing problems.

crate::codes! {
    BROKEN_BUFFERS = "CF-PCK-001", Data,
        "The list of buffers cannot be read",
        why: "The first line names the columns: id, lower, upper and size, and perhaps alignment, offset and gaps. Every other line is a buffer with whole numbers from zero to 2^64 - 1, live from lower up to but not including upper.",
        cure: "Correct the line that the message names.";
    FIXED_COLLISION = "CF-PCK-002", Data,
        "Two buffers are fixed on common bytes while both are live",
        why: "A buffer with an offset stays there. Two such buffers contradict each other at every capacity.",
        cure: "Clear the offset of one of them, so that it may be chosen.";
    FIXED_MISALIGNED = "CF-PCK-003", Data,
        "A buffer is fixed at an offset that its alignment forbids",
        why: "The offset must be a multiple of the alignment.",
        cure: "Change the offset or the alignment, or clear the offset.";
    ADDRESS_RANGE = "CF-PCK-004", Data,
        "The buffers do not fit into 64-bit addresses",
        why: "Sizes and offsets add up to more than 2^64 bytes.",
        cure: "Check the sizes; they are in bytes.";
}
