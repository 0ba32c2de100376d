//! Rules of comparing two results: what is no result, and what keeps two results from being compared.
//!
//! Numbers from 11 forbid a comparison, from 21 weaken one, from 31 are worth knowing beside one.

crate::codes! {
    NOT_A_RESULT = "CF-DIF-001", Data,
        "The file is no result that can be compared",
        why: "A comparison reads what `cofit sim` or `cofit check` writes in JSON. The file is cut short, is of another command, or was written by another program.",
        cure: "Write it with `cofit sim MODEL --chip ID --format json -o FILE.json`, or give the models themselves with `--chip`.";
    MISSING_FIELD = "CF-DIF-002", Data,
        "A result lacks a field that its contract promises",
        why: "Every result of one version of the contract has the same fields; a missing one is no zero, and is not taken for one.",
        cure: "Write the result again with `cofit sim` or `cofit check`.";
    BAD_FIELD = "CF-DIF-003", Data,
        "A field of a result holds what it cannot hold",
        why: "Figures have a unit, a kind and an interval around their value; counts are whole numbers up to 2^53, which every program reads exactly; the layers of a result add up to its totals.",
        cure: "Write the result again with `cofit sim` or `cofit check`, and do not edit it.";
    RESULT_TOO_LARGE = "CF-DIF-004", Data,
        "A result is larger than any that is compared",
        why: "Files, lists and tables are bounded, so that no file can fill the memory.",
        cure: "Compare the models themselves with `--chip`.";
    OTHER_CONTRACT = "CF-DIF-011", Comparison,
        "The results follow different versions of the contract",
        why: "Between versions of the contract fields may change their meaning, so a difference could be one of definition.",
        cure: "Write both results with the same release of cofit.";
    STRUCTURAL_AGAINST_TIMED = "CF-DIF-012", Comparison,
        "One side has a time, the other only a structural model",
        why: "The cycles of a structural model count work by the shape of the engine and were never held against silicon. Their difference from calibrated or simulated cycles means nothing.",
        cure: "Choose a chip or runtime with a timing model on both sides, or calibrate the one that has none with `cofit calibrate`.";
    FAILED_AGAINST_WHOLE = "CF-DIF-013", Comparison,
        "One side fits its chip, the other does not",
        why: "A model that does not fit is simulated as if it did. Its time and energy are those of a run that cannot happen.",
        cure: "Make the failing side fit (`cofit check` says what is missing), or raise its limit with `--set` or `--b-set`.";
    OTHER_TASK = "CF-DIF-014", Comparison,
        "The chips differ, and so do the inputs or outputs of the models",
        why: "A comparison of chips needs the same work on both. Models with other shapes at their ends do other work.",
        cure: "Compare one model on both chips, or both models on one chip.";
    NO_TOTALS = "CF-DIF-015", Comparison,
        "A side has no cycles to compare",
        why: "The result states that its cycles are unavailable, so there is no difference to speak of.",
        cure: "Look at that side with `cofit check`; its reason says what is missing.";
    OTHER_RUNTIME = "CF-DIF-021", Reservation,
        "The sides run different runtimes",
        why: "Kernel libraries differ several-fold in time and memory, so a difference is also that of the libraries.",
        cure: "Give both sides one runtime with `--runtime` and `--b-runtime`, unless the runtime is the question.";
    OTHER_CARD = "CF-DIF-022", Reservation,
        "The chip is the same and its card is not",
        why: "The hashes of the cards differ: figures of the card were edited, overridden with `--set` or `--clock`, or revised between releases.",
        cure: "Use one card for both sides, unless the card's figures are the question.";
    OTHER_TOOL = "CF-DIF-023", Reservation,
        "The results were made by different versions of cofit",
        why: "Cost models and passes change between versions, so a difference may be one of the tool.",
        cure: "Write both results with the same version.";
    OTHER_PRECISION = "CF-DIF-024", Reservation,
        "The sides compute in different precisions",
        why: "Narrower numbers take fewer cycles and bytes, and may score worse: time alone does not tell which side is better.",
        cure: "Compare the scores too, with `cofit eval A --against B`.";
    OTHER_THREADS = "CF-DIF-025", Reservation,
        "The sides run on different numbers of threads",
        why: "More cores take less time and more power, so a difference is also that of the cores.",
        cure: "Give both sides one number with `--threads` and `--b-threads`, unless the cores are the question.";
    ONE_SIDED = "CF-DIF-026", Reservation,
        "Something is known of one side only",
        why: "A card that states no energy has no energy to compare, and a result of `check` lists no layers.",
        cure: "Compare results of `cofit sim`, on chips whose cards state what is asked for.";
    MODEL_AND_CHIP = "CF-DIF-027", Reservation,
        "Both the models and the chips differ",
        why: "With two changes at once no figure says which of them it is owed to.",
        cure: "Change one at a time: one model on both chips, or both models on one chip.";
    UNCALIBRATED = "CF-DIF-028", Reservation,
        "Both sides are structural models of different machines",
        why: "The cycles of two structural models on different chips or runtimes are counted in different ways, and neither was held against silicon.",
        cure: "Take memory and traffic from the comparison, and no time.";
    OTHER_SHAPES = "CF-DIF-029", Reservation,
        "The models take other inputs or give other outputs",
        why: "Another resolution or another number of classes is other work, and scores must be compared beside times.",
        cure: "Read the difference as that of two tasks, unless the shape is the question.";
    OTHER_OPERATING_POINT = "CF-DIF-031", Reservation,
        "The sides run at different operating points",
        why: "Clock and voltage scale time and energy without any change of the work. Cycles are comparable all the same where memories keep pace.",
        cure: "Give both sides one operating point or clock, unless that is the question.";
    OTHER_ASSUMPTIONS = "CF-DIF-032", Reservation,
        "The sides rest on different assumptions",
        why: "Where nobody states a figure, the card assumes one. An assumption that changed may be the whole difference.",
        cure: "Read the assumptions of both sides, which `cofit sim` prints.";
    OTHER_DESCRIPTION = "CF-DIF-033", Reservation,
        "The models describe themselves differently",
        why: "A file's description names its exporter or its version; another exporter may order and fuse operators in another way.",
        cure: "Nothing needs to be done.";
}
