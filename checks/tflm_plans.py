#!/usr/bin/env python3
"""TensorFlow Lite for Microcontrollers runs the plans of `cofit plan --tflm`.

For every model the planned copy is made by cofit and run by the tflite-micro wheel beside the
original:

- every output is equal to the bit, on three random inputs;
- the head of TFLM's arena, in the original and in the copy, is what cofit says. TFLM does not tell
  the head's size to Python, but writes it when it is asked for its allocations; the least arena in
  which each file runs differs by the same bytes or more exactly where --arena is given.

    python checks/tflm_plans.py target/release/cofit [--arena] MODEL.tflite ...
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tflm_runner import Graph, Refused, graph_input, in_child

HEAD = re.compile(r"Arena allocation head (\d+) bytes")


def interpreter(content: bytes, arena_bytes: int):
    """An interpreter in an arena of a given size."""
    from tflite_micro.python.tflite_micro import runtime

    return runtime.Interpreter.from_bytes(content, arena_size=arena_bytes)


def outputs(path: Path) -> list:
    """Every output of a model for three inputs, in hexadecimal."""
    content = path.read_bytes()
    graph = Graph(content)
    found = []
    for seed in range(3):
        runner = interpreter(content, graph.arena_bytes)
        for position in range(len(graph.inputs)):
            detail = runner.get_input_details(position)
            runner.set_input(graph_input(graph, seed, position, detail), position)
        runner.invoke()
        found += [runner.get_output(i).tobytes().hex() for i in range(len(graph.outputs))]
    return found


def head(path: Path) -> int:
    """Bytes of the arena's head, scratch included, from what TFLM prints."""
    content = path.read_bytes()
    graph = Graph(content)
    with tempfile.TemporaryFile() as said:
        kept = [os.dup(1), os.dup(2)]
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        try:
            interpreter(content, graph.arena_bytes).print_allocations()
        finally:
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
        said.seek(0)
        text = said.read().decode(errors="replace")
    return int(HEAD.search(text).group(1))


def least_arena(path: Path, most: int) -> int:
    """The least arena in which a model is prepared and runs, to 16 bytes."""

    def runs(size: int) -> bool:
        def work(path: Path) -> bool:
            content = path.read_bytes()
            graph = Graph(content)
            runner = interpreter(content, size)
            for position in range(len(graph.inputs)):
                detail = runner.get_input_details(position)
                runner.set_input(graph_input(graph, 0, position, detail), position)
            runner.invoke()
            return True

        try:
            return in_child(work, path)
        except Refused:
            return False

    low, high = 0, most // 16
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if runs(middle * 16) else (middle, high)
    return high * 16


def check(cofit: str, model: Path, folder: Path, wants_arena: bool) -> str | None:
    """What is wrong with the plan of a model; one line about it is printed."""
    copy = folder / f"{model.stem}.planned.tflite"
    copy.unlink(missing_ok=True)
    command = [cofit, "plan", str(model), "--tflm", "-o", str(copy), "--format", "json"]
    planned = subprocess.run(command, capture_output=True, text=True)
    if planned.returncode != 0:
        print(f"{model.name}: not planned: {planned.stderr.splitlines()[0]}")
        return None
    plan = json.loads(planned.stdout)
    try:
        before = in_child(outputs, model)
    except Refused as reason:
        print(f"{model.name}: TFLM does not run it: {reason}")
        return None
    try:
        if in_child(outputs, copy) != before:
            return "the planned copy computes something else"
        heads = in_child(head, model), in_child(head, copy)
    except Refused as reason:
        return f"the planned copy does not run: {reason}"
    said = plan["head_without_plan"]["value"], plan["head"]["value"]
    order = ", other order" if plan["reordered"] else ""
    line = f"{model.name}: bit-equal; head {heads[0]} -> {heads[1]}, cofit says {said[0]} -> {said[1]}"
    if wants_arena:
        most = Graph(model.read_bytes()).arena_bytes
        arenas = least_arena(model, most), least_arena(copy, most)
        line += f"; least arena {arenas[0]} -> {arenas[1]}"
        if arenas[0] - arenas[1] != heads[0] - heads[1]:
            return f"{line}: the arenas do not differ by what the heads do"
    print(line + order, flush=True)
    # Scratch, which no file can plan, comes on top: the heads are equal where there is none.
    if heads[1] < said[1] or heads[1] > heads[0]:
        return f"the head is {heads[1]} bytes, planned were {said[1]}, alone it is {heads[0]}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cofit")
    parser.add_argument("--arena", action="store_true", help="bisect the least arena as well")
    parser.add_argument("models", nargs="+", type=Path)
    arguments = parser.parse_args()
    from tflite_micro.python.tflite_micro import runtime  # noqa: F401  Every child finds it loaded.

    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.models:
            fault = check(arguments.cofit, model, Path(folder), arguments.arena)
            if fault:
                wrong += 1
                print(f"{model.name}: WRONG: {fault}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
