//! Rules of the command line.

crate::codes! {
    UNKNOWN_CHIP = "CF-USE-001", Usage,
        "The chip is neither in the catalogue nor a card file",
        why: "A chip is named by the id of a card of the catalogue, or by the path of a card ending in .toml.",
        cure: "List the catalogue with `cofit chips list`, or write a card with `cofit chips new`.";
    UNKNOWN_RUNTIME = "CF-USE-002", Usage,
        "The chip has no runtime of that name",
        why: "Two kernel libraries on one chip differ several-fold in time and memory, so a result names its runtime.",
        cure: "See the runtimes of the card with `cofit chips show ID`.";
    UNKNOWN_OPERATING_POINT = "CF-USE-003", Usage,
        "The chip has no operating point of that name",
        why: "Clock, voltage and energy belong to an operating point of the card.",
        cure: "See the operating points with `cofit chips show ID`, or give a clock with `--clock 120MHz`.";
    BAD_OVERRIDE = "CF-USE-004", Usage,
        "An override names no figure of the card",
        why: "`--set KEY=VALUE` changes one figure of the card for this run, by its dotted path.",
        cure: "Use a path such as `memory.sram.size=384KiB`; `cofit chips show ID` prints the names.";
    UNREADABLE_FILE = "CF-USE-005", Model,
        "The file cannot be read",
        why: "The file does not exist, is not a regular file, or its permissions forbid reading it.",
        cure: "Check the path and its permissions.";
    UNKNOWN_FORMAT = "CF-USE-006", Model,
        "The file is of no format that cofit reads",
        why: "The format is recognised by content: TFLite by its TFL3 identifier, ONNX by the messages that it must hold, sketches and model text by their first keyword.",
        cure: "Give a .tflite file, an .onnx file, a sketch (.toml) or model text (.cofit).";
    OUTPUT_EXISTS = "CF-USE-007", Usage,
        "The output file exists already",
        why: "Nothing of the user's is overwritten unasked.",
        cure: "Choose another name with `-o`, or remove the file.";
    UNKNOWN_CODE = "CF-USE-008", Usage,
        "No rule has that code",
        why: "Every message carries a code of the form CF-AREA-NNN.",
        cure: "Run `cofit explain` without a code to list the rules.";
    BAD_ARGUMENT = "CF-USE-009", Usage,
        "An argument does not have the form that it needs",
        why: "Quantities carry their unit and pairs their equals sign, so that nothing is guessed.",
        cure: "Write it as the message says; `cofit COMMAND --help` shows an example.";
    UNWRITABLE_FILE = "CF-USE-010", Usage,
        "The output file cannot be written",
        why: "The folder does not exist, the disk is full, or permissions forbid it.",
        cure: "Choose another place with `-o`.";
    UNKNOWN_PASS = "CF-USE-011", Usage,
        "There is no pass of that name",
        why: "`--print-after` and `--stop-after` take the name of a compiler pass.",
        cure: "`cofit plan MODEL --chip ID --timings` lists the passes.";
    NO_REFERENCE = "CF-USE-012", Usage,
        "There is no other interpreter to compare with",
        why: "`cofit verify` runs the model in an interpreter of the user's own, a Python package, and compares every tensor. It is not installed in the Python that was asked, or it does not take the model.",
        cure: "Install it with `pip install tflite-micro ai-edge-litert` (for ONNX files `pip install onnxruntime onnx`), and name the Python with `--python PROGRAM` if it is not `python3`.";
    UNUSABLE_THREADS = "CF-USE-013", Usage,
        "The chip cannot run that many threads",
        why: "A kernel library runs on as many cores as the card says; more threads take turns and gain nothing, and on most chips one core runs the network.",
        cure: "Leave `--threads` out for what the runtime does by itself, or give a number in the range that the message states.";
    INTERNAL = "CF-USE-070", Internal,
        "cofit contradicted itself",
        why: "A checked invariant of the tool does not hold. The input may be unusual, but the mistake is ours.",
        cure: "Please report the message together with the model and the card.";
}
