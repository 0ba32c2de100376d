//! What the reader of model text says about text that is not well formed, and where.

use cofit_ir::text::parse;

/// The reader's messages about `text`, one a line, each with the text that it points at.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found = parse(text, Some("m.cofit")).expect_err("text that is not well formed");
    let shown: Vec<String> = found
        .iter()
        .map(|message| {
            assert_eq!(message.place.file.as_deref(), Some("m.cofit"));
            let (start, end) = message.place.span.expect("every message has a place");
            format!("{}: {} @ {:?}", message.code.id, message.message, &text[start..end])
        })
        .collect();
    assert_eq!(shown, expected);
}

/// One graph of these statements.
#[track_caller]
fn check_graph(statements: &str, expected: &[&str]) {
    check(&format!("model \"m\"\ngraph \"g\" {{\n{statements}\n}}\n"), expected);
}

#[test]
fn the_model_comes_first() {
    check("", &["CF-MOD-101: the text is empty @ \"\""]);
    check("# only a comment", &["CF-MOD-101: the text is empty @ \"\""]);
    check(
        "graph \"g\" {\n}",
        &[
            "CF-MOD-101: `graph` where `model \"NAME\"` should be @ \"graph\"",
            "CF-MOD-101: `}` where `graph` or another statement of the model should be @ \"}\"",
        ],
    );
    check("model kws", &["CF-MOD-101: `kws` where a quoted string should be @ \"kws\""]);
}

#[test]
fn statements_of_the_model() {
    check(
        "model \"m\" 1\ndescription\nsource \"f\"\nmetadata \"a\" xf\nmetadata \"b\" \"c\"\nrelu(x)\n\
         graph {\n}",
        &[
            "CF-MOD-101: `1` where the end of the line should be @ \"1\"",
            "CF-MOD-101: the statement ends where a quoted string should be @ \"\"",
            "CF-MOD-101: the statement ends where a quoted string should be @ \"\"",
            "CF-MOD-101: `xf` where hexadecimal data should be @ \"xf\"",
            "CF-MOD-101: `\"c\"` where hexadecimal data should be @ \"\\\"c\\\"\"",
            "CF-MOD-101: `relu` where `graph` or another statement of the model should be @ \"relu\"",
            "CF-MOD-101: `{` where a quoted string should be @ \"{\"",
        ],
    );
    check(
        "model \"m\"\ngraph \"g\" {\n  input x\n",
        &[
            "CF-MOD-101: the graph is not closed @ \"\"",
            "CF-MOD-102: no tensor of the graph is labelled `x` @ \"x\"",
        ],
    );
    check(
        "model \"a\\q\"",
        &["CF-MOD-101: the string has an escape without meaning @ \"\\\"a\\\\q\\\"\""],
    );
}

#[test]
fn labels() {
    check_graph(
        "input x, y\ntensor x \"x\" int8[1]\ntensor x \"x\" int8[1]\ntensor _ \"\" int8[1]\n\
         z = relu(x)\ny, = relu(x)\nx y = relu(x)\nx = custom(x) intermediates=[ x, q ]",
        &[
            "CF-MOD-102: `x` is declared twice @ \"x\"",
            "CF-MOD-102: `_` cannot be a label @ \"_\"",
            "CF-MOD-101: `=` where a label should be @ \"=\"",
            "CF-MOD-101: `y` where `(` should be @ \"y\"",
            "CF-MOD-102: no tensor of the graph is labelled `y` @ \"y\"",
            "CF-MOD-102: no tensor of the graph is labelled `z` @ \"z\"",
            "CF-MOD-102: no tensor of the graph is labelled `q` @ \"q\"",
        ],
    );
}

#[test]
fn tensors() {
    check_graph(
        "tensor a \"a\" int7[1]
         tensor b \"b\" int8
         tensor c \"c\" int8[1,-1]
         tensor d \"d\" int8[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]
         tensor e \"e\" int8[1] scale=x
         tensor f \"f\" int8[1] axis=-1
         tensor g \"g\" int8[1] scale=1 scale=2
         tensor h \"h\" int8[1] colour=1
         tensor i \"i\" int8[1] const
         tensor j \"j\" int8[1] const [128]
         tensor k \"k\" int4[1] const [1]
         tensor l \"l\" int8[1] const xabc
         tensor m \"m\" int8[1] const absent scale=1
         tensor n \"n\" int8[1",
        &[
            "CF-MOD-101: `int7` where an element type should be @ \"int7\"",
            "CF-MOD-101: the statement ends where a shape should be @ \"\"",
            "CF-MOD-101: `-1` where an axis length should be @ \"-1\"",
            "CF-MOD-014: a shape of more than 16 axes @ \"17\"",
            "CF-MOD-104: `x` is no number or list of numbers @ \"x\"",
            "CF-MOD-101: `-1` where an axis should be @ \"-1\"",
            "CF-MOD-104: `scale` is given twice @ \"scale\"",
            "CF-MOD-101: `colour` where a property of a tensor should be @ \"colour\"",
            "CF-MOD-101: the statement ends where `absent`, hexadecimal data or a list of numbers should be @ \"\"",
            "CF-MOD-104: `[128]` where `absent`, hexadecimal data or a list of numbers of int8 should be @ \"[128]\"",
            "CF-MOD-104: `[1]` where `absent`, hexadecimal data or a list of numbers of int4 should be @ \"[1]\"",
            "CF-MOD-104: `xabc` where `absent`, hexadecimal data or a list of numbers of int8 should be @ \"xabc\"",
            "CF-MOD-101: `scale` where the end of the line should be @ \"scale\"",
            "CF-MOD-101: `[1` where a shape should be @ \"[1\\n}\\n\"",
            "CF-MOD-101: the graph is not closed @ \"\"",
        ],
    );
}

#[test]
fn operators() {
    check_graph(
        "tensor x \"x\" int8[1]
         x = rleu(x)
         x = relu(x) alpha=1
         x = conv2d(x, x) stride=2
         x = conv2d(x, x) stride=2x2 stride=2x2
         x = conv2d(x, x) padding=[1,2]
         x = relu(x
         )
         x = relu(x) intermediates=x
         x = relu x
         x, x
         x = relu(x) = 3",
        &[
            "CF-MOD-103: `rleu` is no operator @ \"rleu\"",
            "CF-MOD-104: `relu` has no attribute `alpha` @ \"alpha\"",
            "CF-MOD-104: `2` is no value of `stride` @ \"stride\"",
            "CF-MOD-104: `stride` is given twice, or too many are @ \"stride\"",
            "CF-MOD-104: `[1,2]` is no value of `padding` @ \"padding\"",
            "CF-MOD-101: `x` where a list of labels should be @ \"x\"",
            "CF-MOD-101: `x` where `(` should be @ \"x\"",
            "CF-MOD-101: results without `=` @ \"x\"",
            "CF-MOD-101: `=` where an attribute should be @ \"=\"",
        ],
    );
}
