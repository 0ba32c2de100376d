"""Does the official interpreter compute the same with the files that we write?

Rewrites every TFLite file of the shared model collection (import, then write) and runs original
and rewritten file on the same random inputs with LiteRT. All tensors must agree bit for bit.
Files that LiteRT refuses in the original are run with tflite-micro where that is installed, and
listed otherwise.

Then writes the model texts of `crates/cofit-import/tests/models` and runs them: LiteRT must find the
shapes that the model states, and the loop and the variable must count as they say.

    cargo build -p cofit-import --example rewrite
    pip install ai-edge-litert numpy        # and, where a wheel exists, tflite-micro
    python checks/litert_runs_ours.py [--rewrite PROGRAM] [--models DIRECTORY]

Exit status 0 where every file that could be run agrees.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

try:
    from tflite_micro import runtime as micro
except ImportError:
    micro = None

ROOT = pathlib.Path(__file__).resolve().parent.parent
SEED = 20240


def random_input(generator, shape, dtype):
    """Values over the whole range of an integer type, or around zero for floats."""
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max, size=shape, dtype=dtype, endpoint=True)
    if dtype == np.bool_:
        return generator.integers(0, 2, size=shape).astype(bool)
    return generator.standard_normal(size=shape).astype(dtype)


def run_litert(model, resolver):
    """Every tensor after each of two inferences, so that state shows.

    Outputs alone would hide much: a classifier's are often saturated by random inputs.
    """
    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=resolver,
        experimental_preserve_all_tensors=True,
        num_threads=1,
    )
    interpreter.allocate_tensors()
    # Behind the model's own tensors stand the kernels' scratch, which holds addresses.
    own = schema.Model.GetRootAs(model, 0).Subgraphs(0).TensorsLength()
    generator = np.random.default_rng(SEED)
    tensors = []
    for _ in range(2):
        for detail in interpreter.get_input_details():
            value = random_input(generator, detail["shape"], detail["dtype"])
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        tensors += [interpreter.get_tensor(index) for index in range(own)]
    return tensors


def run_micro(model, inputs, outputs):
    """The same with tflite-micro; `inputs` are the (shape, dtype) of the graph's inputs."""
    interpreter = micro.Interpreter.from_bytes(model)
    generator = np.random.default_rng(SEED)
    results = []
    for _ in range(2):
        for index, (shape, dtype) in enumerate(inputs):
            interpreter.set_input(random_input(generator, shape, dtype), index)
        interpreter.invoke()
        results += [interpreter.get_output(index) for index in range(outputs)]
    return results


def micro_details(details):
    """What `details` says of each index, up to the first that does not exist."""
    found = []
    while True:
        try:
            found.append(details(len(found)))
        except (IndexError, ValueError, RuntimeError):
            return found


def micro_ends(model):
    """Shape and type of a model's inputs, and the number of its outputs."""
    interpreter = micro.Interpreter.from_bytes(model)
    inputs = micro_details(interpreter.get_input_details)
    outputs = micro_details(interpreter.get_output_details)
    return [(tuple(detail["shape"]), detail["dtype"]) for detail in inputs], len(outputs)


def same(a, b):
    return len(a) == len(b) and all(
        x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
        for x, y in zip(a, b)
    )


def compare(original, rewritten):
    """`(interpreter, verdict)`, with verdict None where they agree, else a text."""
    refusals = []
    # The reference kernels take some models that the optimised ones refuse.
    for name, resolver in (
        ("litert", OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES),
        ("litert reference", OpResolverType.BUILTIN_REF),
    ):
        try:
            expected = run_litert(original, resolver)
        except (RuntimeError, ValueError) as error:
            refusals.append(f"{name}: {str(error).splitlines()[0]}")
            continue
        try:
            return name, None if same(expected, run_litert(rewritten, resolver)) else "differs"
        except (RuntimeError, ValueError) as error:
            return name, f"refused as rewritten: {error}"
    if micro is not None:
        try:
            inputs, outputs = micro_ends(original)
            expected = run_micro(original, inputs, outputs)
        except (RuntimeError, ValueError) as error:
            refusals.append(f"tflite-micro: {str(error).splitlines()[0]}")
        else:
            try:
                agrees = same(expected, run_micro(rewritten, inputs, outputs))
                return "tflite-micro", None if agrees else "differs"
            except (RuntimeError, ValueError) as error:
                return "tflite-micro", f"refused as rewritten: {error}"
    return None, "; ".join(refusals)


def final_outputs(model, inferences):
    """The first output after some inferences on ones."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    for _ in range(inferences):
        for detail in interpreter.get_input_details():
            value = np.ones(detail["shape"], detail["dtype"])
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tolist()


# What the texts say of themselves: the number of inferences, and the first output after them.
EXPECTED = {
    "loop": (1, [[8.0, 8.0, 8.0, 8.0]]),
    "variable": (3, [4.0, 5.0]),
}


def check_text(name, model):
    """What is wrong with a written model text, or None."""
    tensors = run_litert(model, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    graph = schema.Model.GetRootAs(model, 0).Subgraphs(0)
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        stated = tuple(tensor.Shape(axis) for axis in range(tensor.ShapeLength()))
        # A handle is a number to LiteRT, in a shape of its own.
        if tensor.Type() != schema.TensorType.RESOURCE and tensors[index].shape != stated:
            return f"{tensor.Name()} has shape {tensors[index].shape} where {stated} is stated"
    if name in EXPECTED:
        inferences, expected = EXPECTED[name]
        found = final_outputs(model, inferences)
        if found != expected:
            return f"computes {found} where {expected} is right"
    return None


def check_texts(rewrite, output):
    """`(name, complaint)` of every model text, with None where all is well."""
    for path in sorted((ROOT / "crates/cofit-import/tests/models").glob("*.cofit")):
        try:
            subprocess.run([rewrite, path, output], capture_output=True, text=True, check=True)
            yield path.name, check_text(path.stem, output.read_bytes())
        except subprocess.CalledProcessError as error:
            yield path.name, error.stderr.strip()
        except (RuntimeError, ValueError) as error:
            yield path.name, str(error)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rewrite", default=ROOT / "target/debug/examples/rewrite")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT.parent / "shared/models")
    options = parser.parse_args()

    agreed, wrong, not_run = {}, [], []
    with tempfile.TemporaryDirectory() as directory:
        output = pathlib.Path(directory) / "rewritten.tflite"
        for path in sorted(options.models.rglob("*.tflite")):
            name = path.relative_to(options.models)
            run = subprocess.run(
                [options.rewrite, path, output], capture_output=True, text=True, check=False
            )
            if run.returncode != 0:
                wrong.append((name, run.stderr.strip()))
                continue
            interpreter, verdict = compare(path.read_bytes(), output.read_bytes())
            if interpreter is None:
                not_run.append((name, verdict))
            elif verdict is None:
                agreed[interpreter] = agreed.get(interpreter, 0) + 1
            else:
                wrong.append((name, f"{interpreter}: {verdict}"))
        texts = list(check_texts(options.rewrite, output))
    wrong += [(name, complaint) for name, complaint in texts if complaint]
    for name, text in wrong:
        print(f"WRONG   {name}: {text}")
    for name, text in not_run:
        print(f"not run {name}: {text}")
    counts = ", ".join(f"{count} in {name}" for name, count in agreed.items()) or "none"
    right = sum(complaint is None for _, complaint in texts)
    print(f"agree: {counts}; refused in the original too: {len(not_run)}")
    print(f"model texts that run as stated: {right} of {len(texts)}; wrong in all: {len(wrong)}")
    return 1 if wrong or not agreed or not texts else 0


if __name__ == "__main__":
    sys.exit(main())
