"""Whether TensorFlow Lite for Microcontrollers runs the plans of `cofit plan --tflm`.

    python checks/tflm_plans.py [--cofit PROGRAM] MODEL.tflite ...

Every model is run as it is and as the planned copy, by TFLM's reference kernels. What must hold:

* the outputs of the copy are those of the model, to the bit, floats included;
* TFLM's own figure of the arena's head with the plan is the planned one, and without a plan it is the
  one that cofit expects of TFLM's planner. Kernels that ask for scratch may raise both, so then the
  head with the plan is only held to be no lower than planned;
* where the model runs in an arena of exactly the size that TFLM says it used, so does the copy, and
  not in 16 bytes less; small models need more than that while they are prepared;
* where the head is smaller by the plan, the arena is smaller by as much.

A head that the plan makes larger, because scratch finds no gap in it, is counted and no failure: no
file can plan scratch. Models that TFLM does not run as they are, and those that cofit refuses to plan, are named and
passed over.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tflm_runner import ROOT, SEEDS, Graph, Refused, in_child, set_inputs

# Arenas grow and shrink by it (`MicroArenaBufferAlignment`).
ALIGNMENT = 16


def interpreter_of(content: bytes, arena: int):
    """An interpreter with an arena of so many bytes."""
    from tflite_micro.python.tflite_micro import runtime

    return runtime.Interpreter.from_bytes(content, arena_size=arena)


def allocations(interpreter) -> dict:
    """What TFLM says about its arena: bytes of `total`, `head` and `tail`."""
    with tempfile.TemporaryFile() as said:
        streams = [os.dup(1), os.dup(2)]
        for number in (1, 2):
            os.dup2(said.fileno(), number)
        interpreter.print_allocations()
        for number, stream in zip((1, 2), streams):
            os.dup2(stream, number)
            os.close(stream)
        said.seek(0)
        text = said.read().decode(errors="replace")
    found = re.findall(r"Arena allocation (\w+) (\d+) bytes", text)
    return {part: int(size) for part, size in found}


def digest(graph: Graph, interpreter) -> str:
    """Hash of every output over every seed."""
    hashed = hashlib.sha256()
    for seed in SEEDS:
        set_inputs(interpreter, graph, seed)
        interpreter.invoke()
        for position in range(len(graph.outputs)):
            hashed.update(interpreter.get_output(position).tobytes())
    return hashed.hexdigest()


def run_here(path: Path) -> dict:
    """Outputs and arena of a model, in as much memory as it likes."""
    content = path.read_bytes()
    graph = Graph(content)
    interpreter = interpreter_of(content, graph.arena_bytes)
    arena = allocations(interpreter)
    return {"arena": arena, "outputs": digest(graph, interpreter)}


def runs_within(model: Path, arena: int, outputs: str) -> bool:
    """Whether a model gives these outputs in an arena of so many bytes."""

    def work(path: Path) -> str:
        content = path.read_bytes()
        return digest(Graph(content), interpreter_of(content, arena))

    try:
        return in_child(work, model) == outputs
    except Refused:
        return False


def plan(cofit: str, model: Path, copy: Path) -> dict:
    """Writes the planned copy; what cofit says about it."""
    command = [cofit, "plan", str(model), "--tflm", "-o", str(copy), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise Refused(f"cofit: {lines[0] if lines else f'exit code {done.returncode}'}")
    return json.loads(done.stdout)


def check(cofit: str, model: Path, folder: Path) -> tuple:
    """A line about a model, and what is wrong with it."""
    copy = folder / f"{hashlib.sha256(str(model).encode()).hexdigest()}.tflite"
    alone = in_child(run_here, model)
    said = plan(cofit, model, copy)
    planned = in_child(run_here, copy)
    wrong = []
    if planned["outputs"] != alone["outputs"]:
        wrong.append("the outputs differ")
    head, least = planned["arena"]["head"], said["head"]["value"]
    expected = said["head_without_plan"].get("value")
    has_scratch = expected != alone["arena"]["head"]
    if has_scratch and expected is not None and alone["arena"]["head"] < expected:
        wrong.append(f"TFLM's own head is {alone['arena']['head']}, below the {expected} expected")
    if head < least or (head > least and not has_scratch):
        wrong.append(f"the head is {head} and not the {least} planned")
    total = planned["arena"]["total"]
    if runs_within(model, alone["arena"]["total"], alone["outputs"]):
        if not runs_within(copy, total, alone["outputs"]):
            wrong.append(f"the copy does not run in {total} bytes of arena")
        if runs_within(copy, total - ALIGNMENT, alone["outputs"]):
            wrong.append(f"the copy runs in less than the {total} bytes that TFLM says it used")
    gain = alone["arena"]["head"] - head
    if alone["arena"]["total"] - total != gain:
        wrong.append(f"the head gains {gain} bytes, the arena {alone['arena']['total'] - total}")
    line = (
        f"head {alone['arena']['head']} -> {head}, arena {alone['arena']['total']} -> {total}"
        f"{', kernels add scratch' if has_scratch else ''}"
        f"{', operators reordered' if said['reordered'] else ''}"
    )
    return line, wrong, gain


def main() -> int:
    """Checks every model; 1 where something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cofit", default=str(ROOT / "target/release/cofit"))
    parser.add_argument("models", nargs="+", type=Path)
    arguments = parser.parse_args()
    for model in arguments.models:
        if not model.is_file():
            parser.error(f"there is no file {model}")
    # Loaded here, so that every child finds it loaded.
    from tflite_micro.python.tflite_micro import runtime  # noqa: F401

    ran, passed_over, failed, smaller, larger = 0, 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.models:
            try:
                line, wrong, gain = check(arguments.cofit, model, Path(folder))
            except Refused as refusal:
                passed_over += 1
                print(f"{model.name}: passed over, {refusal}")
                continue
            ran += 1
            smaller += gain > 0
            larger += gain < 0
            failed += bool(wrong)
            print(f"{model.name}: {line}{''.join(f'; WRONG: {it}' for it in wrong)}")
    print(
        f"{ran} models run with a plan, {smaller} in a smaller head, {larger} in a larger one; "
        f"{failed} wrong, {passed_over} passed over"
    )
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
