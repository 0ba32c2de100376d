"""Running a .tflite file under TensorFlow Lite for Microcontrollers, and hashing what it computes.

What the golden files under `crates/cofit-exec/tests/goldens/` are made of. The inputs can be made
again with a few lines in any language:

* A graph input at position `p` for seed `s` is filled from a SplitMix64 generator that starts in
  state `s * 0x9E3779B97F4A7C15 + p` (mod 2^64). Each element, in row-major order, takes one output
  `z`: the low 8 or 16 bits reinterpreted for int8, uint8 and int16; `z mod 16` for int32 and
  int64; `z & 1` for bool; `(z >> 40) / 2^23 - 1` for float32, which is exact.
* An int32 input that a TRANSPOSE_CONV reads as operand 0 holds the shape of that operator's output
  instead.

Recorded are the tensors that an operator of the main graph writes, in the order of their indices,
as `index:hash`: FNV-1a of 64 bits over the little-endian bytes, in 16 hexadecimal digits, or the
word `float`, since the order of float additions is not part of a kernel's definition. A model with
state is run twice on the same inputs without a reset between.
"""

import csv
import ctypes
import hashlib
import io
import json
import os
import re
import sys
import tempfile
import traceback
from importlib import metadata
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
GOLDENS = ROOT / "crates/cofit-exec/tests/goldens"
SEEDS = (0, 1, 2)
COLUMNS = ("model", "sha256", "seed", "call", "tensors")

GOLDEN_GAMMA = 0x9E3779B97F4A7C15
WORD = (1 << 64) - 1

# Operators that remember something from one inference to the next.
STATEFUL = (
    "SVDF",
    "RNN",
    "LSTM",
    "UNIDIRECTIONAL_SEQUENCE_RNN",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "BIDIRECTIONAL_SEQUENCE_RNN",
    "BIDIRECTIONAL_SEQUENCE_LSTM",
    "VAR_HANDLE",
    "CALL_ONCE",
)

# glibc's parameter of `mallopt` for the byte that fresh memory is filled with.
M_PERTURB = -6

# Room for what TFLM keeps beside the tensors: its own structures and the kernels' scratch.
ARENA_EXTRA_BYTES = 16 << 20


def splitmix64(state: int, count: int) -> np.ndarray:
    """The first `count` outputs from a state: Steele, Lea and Flood, "Fast splittable
    pseudorandom number generators" (2014), with the mixer's variant 13 of David Stafford."""
    steps = np.arange(1, count + 1, dtype=np.uint64)
    z = np.uint64(state & WORD) + steps * np.uint64(GOLDEN_GAMMA)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def input_values(seed: int, position: int, shape: tuple, dtype: np.dtype) -> np.ndarray:
    """What the graph input at `position` holds; the module's documentation states the rule."""
    dtype = np.dtype(dtype)
    z = splitmix64(seed * GOLDEN_GAMMA + position, int(np.prod(shape, dtype=np.int64)))
    if dtype == np.float32:
        values = (z >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0
    elif dtype == np.bool_:
        values = z & np.uint64(1)
    elif dtype.itemsize <= 2:
        values = z.astype(f"u{dtype.itemsize}").view(dtype)
    else:
        values = z % np.uint64(16)
    return values.astype(dtype).reshape(shape)


FNV_OFFSET = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3
FNV_BLOCK_BYTES = 1 << 16


def fnv1a(data: bytes) -> str:
    """FNV-1a of 64 bits, in hexadecimal.

    The definition, `h = (h ^ byte) * prime` a byte, is slow in Python. Written as a sum it is not:
    `h ^ byte` is `h` plus a difference that the low byte of `h` decides, and bit `k` of the low
    bytes depends on itself by exclusive or alone once the bits below it are known.
    """
    source = np.frombuffer(data, np.uint8)
    count = len(source)
    if count == 0:
        return f"{FNV_OFFSET:016x}"
    low = np.zeros(count + 1, np.uint8)  # the low byte of h before each byte, and after the last
    for bit in range(8):
        mask = np.uint8((1 << bit) - 1)
        carried = ((low[:-1] ^ source) & mask) * np.uint8(FNV_PRIME & 0xFF)
        flips = np.empty(count + 1, np.uint8)
        flips[0] = FNV_OFFSET & 0xFF
        flips[1:] = source ^ carried
        low |= np.bitwise_xor.accumulate(flips & np.uint8(1 << bit))
    before = low[:-1]
    differences = (before ^ source).astype(np.int64) - before
    differences = differences.view(np.uint64)
    powers = np.full(min(count, FNV_BLOCK_BYTES), FNV_PRIME, np.uint64)
    powers = np.multiply.accumulate(powers)
    value = FNV_OFFSET
    for start in range(0, count, FNV_BLOCK_BYTES):
        block = differences[start : start + FNV_BLOCK_BYTES]
        size = len(block)
        total = int(np.sum(block * powers[:size][::-1], dtype=np.uint64))
        value = (value * int(powers[size - 1]) + total) & WORD
    return f"{value:016x}"


def tensor_shape(tensor) -> tuple:
    """The shape that a tensor of the schema states."""
    return tuple(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))


class Graph:
    """What the main graph of a .tflite file says that the runner needs to know."""

    def __init__(self, content: bytes):
        from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

        names = {
            value: name
            for name, value in vars(schema.BuiltinOperator).items()
            if isinstance(value, int)
        }
        model = schema.Model.GetRootAs(content, 0)
        graph = model.Subgraphs(0)
        self.tensors = [graph.Tensors(i) for i in range(graph.TensorsLength())]
        self.inputs = [int(graph.Inputs(i)) for i in range(graph.InputsLength())]
        self.outputs = [int(graph.Outputs(i)) for i in range(graph.OutputsLength())]
        self.kinds = []
        self.shape_inputs = {}
        written = set()
        for index in range(graph.OperatorsLength()):
            operator = graph.Operators(index)
            code = model.OperatorCodes(operator.OpcodeIndex())
            kind = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            self.kinds.append(kind)
            results = [int(operator.Outputs(i)) for i in range(operator.OutputsLength())]
            written.update(results)
            if kind == "TRANSPOSE_CONV" and int(operator.Inputs(0)) in self.inputs:
                self.shape_inputs[int(operator.Inputs(0))] = tensor_shape(self.tensors[results[0]])
        # A handle is no data.
        handles = (schema.TensorType.RESOURCE, schema.TensorType.VARIANT)
        self.written = [i for i in sorted(written) if self.tensors[i].Type() not in handles]
        self.stateful = any(kind in STATEFUL for kind in self.kinds) or any(
            tensor.IsVariable() for tensor in self.tensors
        )
        elements = sum(int(np.prod(tensor_shape(t), dtype=np.int64)) for t in self.tensors)
        # No element is wider than eight bytes.
        self.arena_bytes = 8 * elements + 4 * len(content) + ARENA_EXTRA_BYTES


def graph_input(graph: Graph, seed: int, position: int, detail: dict) -> np.ndarray:
    """The values of the module's rule for a graph input, which an interpreter describes."""
    index = graph.inputs[position]
    if index in graph.shape_inputs:
        return np.array(graph.shape_inputs[index], np.int32)
    return input_values(seed, position, tuple(detail["shape"]), detail["dtype"])


def set_inputs(interpreter, graph: Graph, seed: int) -> None:
    """Give every graph input its values."""
    for position in range(len(graph.inputs)):
        detail = interpreter.get_input_details(position)
        interpreter.set_input(graph_input(graph, seed, position, detail), position)


def hashed(index: int, data: np.ndarray) -> tuple:
    """A tensor's index and what is recorded of it."""
    if np.issubdtype(data.dtype, np.floating):
        return index, "float"
    return index, fnv1a(np.ascontiguousarray(data).tobytes())


def litert_here(path: Path) -> list:
    """What `run_here` gives, but from LiteRT's reference kernels."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    content = path.read_bytes()
    graph = Graph(content)
    rows = []
    for seed in SEEDS:
        interpreter = Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
            num_threads=1,
        )
        interpreter.allocate_tensors()
        for call in range(2 if graph.stateful else 1):
            for position, detail in enumerate(interpreter.get_input_details()):
                values = graph_input(graph, seed, position, detail)
                interpreter.set_tensor(detail["index"], values)
            interpreter.invoke()
            tensors = [hashed(index, interpreter.get_tensor(index)) for index in graph.written]
            rows.append((seed, call, tensors))
    return rows


def run_here(path: Path) -> list:
    """`(seed, call, [(index, hash)])` of every inference of a model, in this process."""
    from tflite_micro.python.tflite_micro import runtime

    content = path.read_bytes()
    graph = Graph(content)
    rows = []
    for seed in SEEDS:
        interpreter = runtime.Interpreter.from_bytes(
            content,
            arena_size=graph.arena_bytes,
            intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
        )
        for call in range(2 if graph.stateful else 1):
            set_inputs(interpreter, graph, seed)
            interpreter.invoke()
            tensors = [
                hashed(index, interpreter.GetTensor(index, 0)["tensor_data"])
                for index in graph.written
            ]
            rows.append((seed, call, tensors))
    return rows


class Refused(Exception):
    """An interpreter does not run a model; the text is the first thing it said."""


def in_child(work, path: Path):
    """What `work(path)` returns, from a child process: a kernel that gives up ends the process.

    Raises `Refused` with the first line that the child printed where it fails.
    """
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as answer:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                answer.write(json.dumps(work(path)).encode())
                answer.flush()
                status = 0
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(status)
        status = os.waitpid(child, 0)[1]
        if status == 0:
            answer.seek(0)
            return json.load(answer)
        said.seek(0)
        lines = [line.strip() for line in said.read().decode(errors="replace").splitlines()]
    # Python's own report, last line excepted, is about this file and not about the model.
    own = [line for line in lines if line and not line.startswith(("Traceback", "File ", "^", "~"))]
    fatal = [line for line in own if not line.startswith(("INFO", "WARNING"))]
    # An uninitialised number in a message is another at every run.
    fatal = [re.sub(r"-?\d{7,}", "…", line) for line in fatal]
    if not fatal:
        raise Refused(
            f"ended by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "no reason"
        )
    raise Refused(fatal[-1] if lines and lines[0].startswith("Traceback") else fatal[0])


def run_over_rubbish(path: Path) -> list:
    """What `run_here` gives where fresh memory holds no zeros."""
    ctypes.CDLL(None).mallopt(M_PERTURB, 0xA5)
    return run_here(path)


def run(path: Path) -> list:
    """What `run_here` gives, from a child process.

    Raises `Refused`, also where the result depends on memory that TFLM does not initialise.
    """
    # Loaded here, so that every child finds it loaded.
    from tflite_micro.python.tflite_micro import runtime  # noqa: F401

    found = in_child(run_here, path)
    if in_child(run_over_rubbish, path) != found:
        raise Refused("computes with memory that it does not initialise")
    return found


def digest(content: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(content).hexdigest()


def rows(name: str, sha256: str, inferences: list) -> list:
    """The lines of a golden file for one model."""
    return [
        (name, sha256, seed, call, " ".join(f"{index}:{value}" for index, value in tensors))
        for seed, call, tensors in inferences
    ]


def header(package: str) -> str:
    """The comment that begins a golden file."""
    return f"# {package} {metadata.version(package)}; checks/tflm_runner.py states the form\n"


def csv_text(first: str, columns: tuple, lines: list) -> str:
    """A table with a comment before it."""
    text = io.StringIO()
    text.write(first)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return text.getvalue()


def settle(path: Path, text: str, check: bool) -> bool:
    """Write a golden file, or say where it differs; whether all is well."""
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
        return True
    found = path.read_text(encoding="utf-8") if path.exists() else ""
    if found == text:
        print(f"{path.relative_to(ROOT)}: as committed")
        return True
    ours, theirs = set(text.splitlines()), set(found.splitlines())
    for line in sorted(theirs - ours):
        print(f"committed: {line[:200]}")
    for line in sorted(ours - theirs):
        print(f"computed:  {line[:200]}")
    print(f"{path.relative_to(ROOT)}: DIFFERS")
    return False
