#!/usr/bin/env python3
"""Checks traces of `cofit sim --format trace`: python checks/trace.py TRACE.json …

First the structure, against Chrome's Trace Event Format and what a trace of cofit promises. Then, where
Perfetto's trace processor can be started, the same figures out of its tables: it is fetched at its first
use by the package `perfetto`, which brings no binary along, and without it the second half is left out,
unless --perfetto asks for it.
"""

import argparse
import json
import sys
from collections import defaultdict
from decimal import Decimal


def nanoseconds(value):
    """A time of the format, in microseconds, as whole nanoseconds: cycles."""
    cycles = Decimal(value) * 1000
    assert cycles == cycles.to_integral_value(), f"{value} is no whole number of cycles"
    assert cycles >= 0, f"{value} is negative"
    return int(cycles)


def structure(path):
    """What the file says, after every rule has been checked."""
    with open(path, encoding="utf-8") as file:
        trace = json.load(file, parse_float=Decimal, parse_int=Decimal)
    assert trace["displayTimeUnit"] == "ns"
    other = trace["otherData"]
    for key in ("tool", "model", "chip", "card_sha256", "runtime", "clock_hz", "time_unit", "cycles"):
        assert key in other, f"no {key} in otherData"
    assert other["clock_hz"] > 0
    cycles = int(other["cycles"])
    names, slices, counters = {}, defaultdict(list), defaultdict(list)
    processes = []
    for event in trace["traceEvents"]:
        assert event["pid"] == 1
        if event["ph"] == "M":
            if event["name"] == "process_name":
                processes.append(event["args"]["name"])
            elif event["name"] == "thread_name":
                assert event["tid"] not in names, "a track with two names"
                names[event["tid"]] = event["args"]["name"]
            else:
                assert event["name"] == "thread_sort_index", event["name"]
        elif event["ph"] == "X":
            start, duration = nanoseconds(event["ts"]), nanoseconds(event["dur"])
            assert duration > 0 and start + duration <= cycles, "a slice outside the inference"
            assert isinstance(event["name"], str) and isinstance(event["args"], dict)
            slices[event["tid"]].append((start, duration, event))
        elif event["ph"] == "C":
            at = nanoseconds(event["ts"])
            assert at <= cycles, "a counter after the inference"
            for key, value in event["args"].items():
                assert value >= 0
                counters[event["name"], key].append((at, int(value)))
        else:
            raise AssertionError(f"events of kind {event['ph']}")
    assert len(processes) == 1
    assert set(slices) <= set(names), "slices on a track without a name"
    for tid, track in slices.items():
        track.sort(key=lambda one: one[:2])
        if names[tid] == "layers" or names[tid].startswith(("engine", "memory port")):
            for (start, duration, _), (after, _, _) in zip(track, track[1:]):
                assert start + duration <= after, f"slices overlap on {names[tid]}"
    layers = [one for tid, name in names.items() if name == "layers" for one in slices[tid]]
    charged = sum(int(event["args"]["cycles_charged"]) for _, _, event in layers)
    # Layers whose work others hide have no slice; what is charged to them is nothing.
    assert charged == cycles, f"the layers are charged {charged} of {cycles} cycles"
    for values in counters.values():
        assert values == sorted(values, key=lambda one: one[0]), "a counter goes back in time"
        assert values[-1] == (cycles, 0), "a counter does not end at zero"
    return names, slices, counters, cycles


def perfetto(path, names, slices, counters):
    """Compares the structure with what Perfetto's trace processor makes of the file."""
    from perfetto.trace_processor import TraceProcessor

    with TraceProcessor(trace=path) as processor:
        rows = processor.query(
            "select thread.name as track, count(*) as number, sum(dur) as sum, min(slice.ts) as first "
            "from slice join thread_track on slice.track_id = thread_track.id "
            "join thread using (utid) group by thread.name"
        )
        found = {row.track: (row.number, row.sum) for row in rows}
        wanted = {
            names[tid]: (len(track), sum(duration for _, duration, _ in track))
            for tid, track in slices.items()
        }
        assert found == wanted, f"Perfetto sees {found}, the file holds {wanted}"
        rows = processor.query(
            "select count(*) as number from counter join process_counter_track as track "
            "on counter.track_id = track.id"
        )
        number = next(iter(rows)).number
        wanted = sum(len(values) for values in counters.values())
        assert number == wanted, f"Perfetto sees {number} counter values, the file holds {wanted}"
        rows = processor.query("select sum(value) as errors from stats where severity = 'error'")
        assert not next(iter(rows)).errors, "Perfetto reports errors of the import"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traces", nargs="+", metavar="TRACE.json")
    parser.add_argument("--perfetto", action="store_true", help="fail without Perfetto")
    arguments = parser.parse_args()
    for path in arguments.traces:
        names, slices, counters, cycles = structure(path)
        number = sum(len(track) for track in slices.values())
        said = f"{path}: {number} slices on {len(names)} tracks, {len(counters)} counters, {cycles} cycles"
        try:
            perfetto(path, names, slices, counters)
            print(f"{said}; Perfetto agrees")
        except (ImportError, OSError, RuntimeError) as error:
            reason = type(error).__name__
        except Exception as error:  # the package lets its download's own errors through
            if isinstance(error, AssertionError) or "curl" not in str(error):
                raise
            reason = "its trace processor cannot be fetched"
        else:
            continue
        if arguments.perfetto:
            sys.exit(f"{path}: Perfetto cannot run here: {reason}")
        print(f"{said}; not compared with Perfetto: {reason}")


if __name__ == "__main__":
    main()
