//! Rules of measured rows and of fitting cards to them.

crate::codes! {
    UNKNOWN_LAYOUT = "CF-CAL-001", Usage,
        "The rows have no layout that cofit knows",
        why: "Rows are recognised by their content: a table with the columns `model` and `latency_ms`, `cycles` or `energy_uj`; a table with the columns `layer` and `cycles` or `ms`; Vela's summary or per-layer CSV; a log of TFLM's profiler; a report of stedgeai or X-CUBE-AI about a run on a board; the module table of ESP-DL.",
        cure: "Write a CSV table with the columns model, latency_ms (or cycles) and clock_mhz.";
    UNREADABLE_ROW = "CF-CAL-002", Usage,
        "A row cannot be read",
        why: "Times, cycles, energies and clocks are positive numbers; a row that states something else is passed over.",
        cure: "Mend the line, or leave the field empty.";
    NO_MODEL = "CF-CAL-003", Usage,
        "A row's network is not known",
        why: "A measured time tells about a card only together with what was run: a model file, or a network that cofit has as a sketch.",
        cure: "Name the model's file in the column `model_file`, relative to the folder given with `--models`.";
    NOTHING_TO_FIT = "CF-CAL-004", Usage,
        "No row tells anything about the coefficients",
        why: "Only engines with a table of costs (timing model `simd`) have coefficients to fit, and every other model follows its own equations.",
        cure: "Choose a chip and runtime whose engine has a cost table; `cofit chips show ID` says which.";
}
