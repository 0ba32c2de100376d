//! Rules for chip cards.

crate::codes! {
    SYNTAX = "CF-CRD-001", Card,
        "The card is not TOML",
        why: "A card is a TOML 1.1 document in UTF-8. The underlined token breaks its grammar.",
        cure: "Mend the token; text needs quotes, and a key may be given once per table.";
    UNKNOWN_KEY = "CF-CRD-002", Card,
        "A key that no card has",
        why: "A misspelt key that was silently ignored would leave a default in place of a figure.",
        cure: "Use one of the keys of schema/chip-card.schema.json.";
    WRONG_TYPE = "CF-CRD-003", Card,
        "A value of the wrong type",
        why: "The key holds another kind of value: text where a number belongs, a table where a list belongs.",
        cure: "Write the value in the form that the message names.";
    BAD_UNIT = "CF-CRD-004", Card,
        "A quantity whose unit cannot be read",
        why: "Sizes, clocks, rates, times, powers and energies are plain numbers in their base unit, or text with a unit such as \"512 KiB\".",
        cure: "Write the number and a unit of the right kind. KB is refused because it is read as 1000 by some and 1024 by others: write kB or KiB.";
    UNKNOWN_WORD = "CF-CRD-005", Card,
        "A word outside the closed set",
        why: "The key takes one of a few words, each of which a model or a pass acts on.",
        cure: "Use one of the words that the message lists.";
    UNKNOWN_OPERATOR = "CF-CRD-006", Card,
        "An operator kind that does not exist",
        why: "Operators are named as in model text, such as `conv2d` or `depthwise_conv2d`.",
        cure: "Use the name that the message suggests; the names are those of model text.";
    UNKNOWN_SOURCE = "CF-CRD-007", Card,
        "A source that the card does not declare",
        why: "`src` names an entry of `[sources]`, so that whoever doubts a figure can look it up.",
        cure: "Declare the source under `[sources.KEY]`, or use a declared key.";
    DUPLICATE_ID = "CF-CRD-008", Card,
        "Two entries of one list share an id",
        why: "Overlays, `--set` and messages speak of an entry by its id.",
        cure: "Give each entry an id of its own.";
    MISSING_KEY = "CF-CRD-009", Card,
        "A required key is missing",
        why: "The table says nothing without the key, and no default would be honest.",
        cure: "Add the key.";
    UNKNOWN_BASE = "CF-CRD-010", Card,
        "The base card cannot be found",
        why: "`extends` names a card of the catalogue or a card file beside this one.",
        cure: "List the catalogue with `cofit chips list`, or give the path of a card ending in .toml.";
    EXTENDS_CYCLE = "CF-CRD-011", Card,
        "Cards extend each other in a circle, or too deep",
        why: "A card is its base with some keys changed, so the chain of bases must end, within 8 cards.",
        cure: "Break the chain at one of the cards that the message lists.";
    CONTRADICTION = "CF-CRD-012", Card,
        "Two figures contradict each other",
        why: "Both cannot hold: for instance a contiguous block larger than its memory.",
        cure: "Correct one of the two.";
    OUT_OF_RANGE = "CF-CRD-013", Card,
        "A figure outside its possible range",
        why: "Sizes and clocks are positive, costs are not negative, nothing is infinite.",
        cure: "Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = \"...\" }`.";
    TOO_LARGE = "CF-CRD-014", Card,
        "The card is larger than any card",
        why: "Cards are written by people; a file above 1 MiB is something else.",
        cure: "Check that the path names a card.";
    TOO_DEEP = "CF-CRD-015", Card,
        "Tables or lists are nested too deep",
        why: "No figure of a card lies deeper than a dozen tables; the limit keeps a hostile file from exhausting the stack.",
        cure: "Flatten the card.";
    UNKNOWN_REFERENCE = "CF-CRD-016", Card,
        "An id that nothing in the card has",
        why: "The key names a memory, engine, layout, runtime or operating point of the same card.",
        cure: "Use an id that the card declares.";
    UNKNOWN_SCHEMA = "CF-CRD-017", Card,
        "A schema version that this cofit does not know",
        why: "`schema = 1` says which rules the card was written for.",
        cure: "Write `schema = 1`, or use the cofit that the card was written for.";
    NOT_TEXT = "CF-CRD-018", Card,
        "The card is not UTF-8 text",
        why: "TOML is UTF-8 by definition.",
        cure: "Save the file as UTF-8.";
    EMPTY_OPERATORS = "CF-CRD-030", Card,
        "An engine that allows no operator",
        why: "An operator list left empty allows nothing, so every operator goes to the fallback or is refused.",
        cure: "List the operators that the engine runs, or remove the engine.";
    UNSOURCED_FIGURE = "CF-CRD-031", Card,
        "A figure without a source",
        why: "A figure that nobody can look up cannot be checked when a result looks wrong.",
        cure: "Add `src = \"KEY\"` to the figure or to its table, and declare the key under `[sources]`.";
    ASSUMED_FIGURE = "CF-CRD-032", Card,
        "A figure that is assumed",
        why: "Nobody has published the figure, or the card leaves it out; results that use it say so.",
        cure: "Measure it or find a source, and write the figure into the card.";
    NO_RUNTIME = "CF-CRD-033", Card,
        "The card names no runtime",
        why: "The kernel library decides RAM overhead, code size and speed; without one they are taken as zero and generic.",
        cure: "Add a `[[runtime]]` with its RAM and code figures; the first is the default.";
    UNUSED_MEMORY = "CF-CRD-034", Card,
        "A memory that nothing is put into",
        why: "`holds` is empty in every runtime, so the memory's bytes help no model.",
        cure: "Say what the memory holds, or remove it.";
    NO_PRECISION = "CF-CRD-035", Card,
        "An engine without precision pairs",
        why: "Without a pair of weight and activation bits no operator with weights can be placed on the engine.",
        cure: "Add `precision = [{ w = 8, a = 8 }]` or the pairs that the engine has.";
    NO_CALIBRATION = "CF-CRD-036", Card,
        "Nothing measured to compare with",
        why: "Without a calibration row no error can be stated for the chip: results are a structural model only.",
        cure: "Add `[[calibration]]` rows from measurements.";
    NO_MEMORY_FOR = "CF-CRD-037", Card,
        "No memory holds what every model needs",
        why: "Weights and activations must lie somewhere, in every runtime and operating point.",
        cure: "Add `act` or `weight` to the `holds` of a memory.";
    NO_HOST = "CF-CRD-038", Card,
        "A rule falls back to a host that the card does not have",
        why: "`fallback = \"host\"` needs `target.host` to name an engine; without it the operator is refused.",
        cure: "Set `target.host` to the id of a CPU engine, or use `fallback = \"reject\"`.";
    UNUSED_SOURCE = "CF-CRD-039", Card,
        "A source that no figure cites",
        why: "A source that nothing cites is a leftover, or a citation is missing.",
        cure: "Cite it with `src`, or remove it.";
}
