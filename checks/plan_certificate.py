#!/usr/bin/env python3
"""Checks the certificate of `cofit plan --certificate --format json` without cofit's code.

- Layout: no two buffers of a memory overlap in address and time, and addresses are aligned.
- Packing: the buffers named as live at the stated instant are live there, take the stated bytes,
  and where the plan calls its packing optimal by them, that is the packed height.
- Order: no order of the steps has a lower peak. The peak is that of the step that the certificate
  names, or of a search over sets of executed steps that this file makes anew.

    cofit plan MODEL --chip ID --certificate --format json | python checks/plan_certificate.py
"""

import heapq
import json
import sys


def take(buffers: list, live) -> int:
    """What buffers that are live together take: rounded up, save for the one at the top."""
    sizes = [(buffers[i]["bytes"], max(1, buffers[i]["alignment"])) for i in live]
    rounded = [-(-size // step) * step for size, step in sizes]
    spared = max((r - size for r, (size, _) in zip(rounded, sizes)), default=0)
    return sum(rounded) - spared


def halves(buffer: dict) -> tuple:
    """First and last half step of a buffer's life."""
    first = int(2 * buffer["first_step"])
    return first, 2 * buffer["last_step"] + (0 if buffer.get("ends_early") else 1)


def check_layout(buffers: list) -> None:
    placed = [b for b in buffers if b["address"] is not None and b["bytes"]]
    for at, one in enumerate(placed):
        assert one["address"] % max(1, one["alignment"]) == 0, f"{one['tensor']} is not aligned"
        for other in placed[:at]:
            (a, b), (c, d) = halves(one), halves(other)
            apart = (
                one["memory"] != other["memory"]
                or b < c
                or d < a
                or one["address"] + one["bytes"] <= other["address"]
                or other["address"] + other["bytes"] <= one["address"]
            )
            assert apart, f"{one['tensor']} and {other['tensor']} overlap"


def check_packing(plan: dict) -> list:
    """The memories whose packing is shown by the bytes of one instant."""
    shown = []
    buffers = plan["buffers"]
    for memory, found in plan["certificate"]["packing"].items():
        for i in found["live"]:
            first, last = halves(buffers[i])
            assert first <= found["instant"] <= last, f"{buffers[i]['tensor']} is not live"
            assert buffers[i]["memory"] == memory, f"{buffers[i]['tensor']} lies elsewhere"
        bound = take(buffers, found["live"])
        assert bound == found["bytes"]["value"], f"{memory}: the live buffers take {bound}"
        packing = plan["packing"][memory]
        assert bound <= packing["bytes"]["value"], f"{memory}: packed below its bound"
        if packing["optimal"] and bound == packing["bytes"]["value"]:
            shown.append(memory)
    return shown


def best_peak(plan: dict) -> int:
    """The lowest peak of any order: cheapest peak first over sets of executed steps."""
    buffers, order = plan["buffers"], plan["certificate"]["order"]
    steps, kept = order["steps"], set(order["live_out"])
    readers = {}
    for step in steps:
        for i in step["reads"]:
            readers[i] = readers.get(i, 0) + 1
    whole = (1 << len(steps)) - 1
    heap, seen = [(0, 0, 0)], {0: 0}
    while heap:
        peak, _, done = heapq.heappop(heap)
        if done == whole:
            return peak
        if seen[done] < peak:
            continue
        left = dict(readers)
        live = set(order["live_in"])
        for at, step in enumerate(steps):
            if done >> at & 1:
                live.update(step["writes"])
                for i in step["reads"]:
                    left[i] -= 1
        live = {i for i in live if left.get(i, 0) > 0 or i in kept}
        for at, step in enumerate(steps):
            if done >> at & 1 or any(not done >> before & 1 for before in step["after"]):
                continue
            reached = max(peak, take(buffers, live | set(step["writes"])))
            then = done | 1 << at
            if reached < seen.get(then, 1 << 200):
                seen[then] = reached
                heapq.heappush(heap, (reached, -bin(then).count("1"), then))
    raise AssertionError("the steps wait for each other")


def main() -> int:
    plan = json.load(sys.stdin)
    check_layout(plan["buffers"])
    shown = check_packing(plan)
    words = [f"{len(plan['buffers'])} buffers lie apart"]
    words += [f"{memory} is as low as its live bytes" for memory in shown]
    order = plan["order_proof"]
    if order["optimal"]:
        named = plan["certificate"]["order"]
        if named["step"] is not None:
            step = named["steps"][named["step"]]
            least = take(plan["buffers"], set(step["reads"]) | set(step["writes"]))
        else:
            least = best_peak(plan)
        peak = order["peak"]["value"]
        assert least == peak, f"an order of peak {least} is possible, the plan's is {peak}"
        words.append("no order is lower")
    print("; ".join(words))
    return 0


if __name__ == "__main__":
    sys.exit(main())
