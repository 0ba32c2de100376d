#!/usr/bin/env python3
"""Makes the compact golden tables in vela-5.2.0/ from the debug databases of Vela 5.2.0.

Usage: extract.py [--cascades] OUTPUT_DIRECTORY NAME.u55-MACS.xml...

Each XML file is what `vela MODEL.tflite --accelerator-config ethos-u55-MACS --config Arm/vela.ini
--system-config Ethos_U55_High_End_Embedded --memory-mode Shared_Sram --enable-debug-db` writes
(rename it to NAME.u55-MACS.xml). One table per NAME comes out, the sizes one after the other and the
operations of one size in execution order. Operations that Vela fuses into their producer appear
as the `activation` column of the producer. The last column is the position of the
operator in the TFLite file that the operation comes from.

With --cascades (of runs with `--optimise Size`) only operations of cascades come out, with the
rows of their stripes as a further column: the tables of vela-5.2.0-cascades/.
"""

import csv
import io
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

COLUMNS = (
    "macs id operator activation ifm ifm2 ofm bits formats memories kernel weights "
    "depth_slices buffering pre_buffer weight_bytes max_slice_bytes transfer_cycles buffers "
    "ifm_block ofm_block traversal mac ao cmd run_cycles npu_cycles op_cycles "
    "sram_cycles flash_cycles sram_read sram_write flash_read tflite_operator"
).split()


def tables(path):
    found = {}
    for table in ElementTree.parse(path).getroot().iter("table"):
        text = (table.text or "").strip()
        found[table.attrib["name"]] = list(csv.DictReader(io.StringIO(text)))
    return found


def shape(row, stem):
    sliced = [int(row[f"{stem}_slice_{axis}"]) for axis in "nhwc"]
    whole = [int(row[f"{stem}_shape_{axis}"]) for axis in "nhwc"]
    chosen = sliced if any(sliced) else whole
    return "x".join(map(str, chosen)) if any(chosen) else ""


def bits(name):
    return re.sub(r"\D", "", name)


def letters(row, what, names):
    return "".join(names.get(row[f"{fm}_{what}"], "-") for fm in ("ifm", "ifm2", "ofm"))


def traffic(row, memory, way):
    return sum(int(row[f"{memory}{kind}_{way}"] or 0) for kind in ("Lut", "FeatureMap", "Weights", "Scales"))


def buffers(found):
    sizes = {}
    for row in found["tensors"]:
        match = re.fullmatch(r"WB_(?:double|double2|single)_(\d+)_op(\d+)", row["name"])
        if match:
            sizes.setdefault(int(match[2]), []).append((row["name"].startswith("WB_double2"), int(match[1])))
    return {op: "|".join(str(size) for _, size in sorted(parts)) for op, parts in sizes.items()}


def rows(path, macs, cascades):
    found = tables(path)
    debug = {row["id"]: row for row in found["perf_debug"]}
    main = {row["id"]: row for row in found["perf_debug_main"]}
    operator = {row["id"]: row["operator"] for row in found["perf"]}
    fused = {row["group_id"]: operator[row["id"]] for row in found["group"]}
    inside = {row["id"] for row in found["group"]}
    source = {row["id"]: row["ext_key"] for row in found["source"]}
    buffered = buffers(found)
    scheduled = [row for row in found["perf"] if row["id"] not in inside]
    for position, perf in enumerate(scheduled):
        if perf["id"] not in main:
            continue
        d, m = debug[perf["id"]], main[perf["id"]]
        if cascades and d["cascade"] == "0":
            continue
        read = lambda memory, way: traffic(d, memory, way) if f"{memory}Lut_read" in d else 0
        yield {
            "macs": macs, "id": perf["id"], "operator": perf["operator"], "activation": fused.get(perf["id"], ""),
            "ifm": shape(d, "ifm"), "ifm2": shape(d, "ifm2"), "ofm": shape(d, "ofm"),
            "bits": "|".join(bits(d[f"{fm}_dtype"]) for fm in ("ifm", "ifm2", "ofm")),
            "formats": letters(d, "format", {"NHWC": "L", "NHCWB16": "B"}),
            "memories": letters(d, "memory", {"Sram": "A", "OffChipFlash": "C"}),
            "kernel": "|".join(d[f"kernel_{what}_{axis}"] for what in ("size", "stride", "dilation") for axis in "yx"),
            "weights": "1" if d["weight_total_bytes"] else "0",
            "depth_slices": d["ofm_depth_slices"], "buffering": d["weight_buffering"],
            "pre_buffer": d["weight_pre_buffer"], "weight_bytes": d["weight_total_bytes"],
            "max_slice_bytes": d["weight_max_range_bytes"], "transfer_cycles": d["weight_transfer_cycles"],
            "buffers": buffered.get(position, ""),
            "ifm_block": "x".join(m[f"ifm_block_{axis}"] for axis in "hwc"),
            "ofm_block": "x".join(m[f"ofm_block_{axis}"] for axis in "hwc"),
            "traversal": m["traversal"], "mac": m["mac_cycles"], "ao": m["ao_cycles"], "cmd": m["cmd_cycles"],
            "run_cycles": d["est_op_cycles_without_buffering"], "npu_cycles": perf["npu_cycles"],
            "op_cycles": perf["op_cycles"], "sram_cycles": perf["Sram_ac"],
            "flash_cycles": perf.get("OffChipFlash_ac", 0),
            "sram_read": read("Sram", "read"), "sram_write": read("Sram", "write"),
            "flash_read": read("OffChipFlash", "read"),
            "tflite_operator": source.get(perf["source_id"], ""),
            "stripe": d["ofm_stripe_h"],
        }


def main():
    arguments = sys.argv[1:]
    cascades = arguments[0] == "--cascades"
    out, *files = map(pathlib.Path, arguments[cascades:])
    columns = COLUMNS + ["stripe"] if cascades else COLUMNS
    options = ", --optimise Size" if cascades else ""
    by_model = {}
    for argument in files:
        match = re.fullmatch(r"(.+)\.u55-(\d+)\.xml", argument.name)
        by_model.setdefault(match[1], []).append((int(match[2]), argument))
    for model, files in by_model.items():
        with open(out / f"{model}.csv", "w", newline="") as file:
            file.write(
                f"# Produced by running Vela 5.2.0 (PyPI ethos-u-vela) on {model}, "
                f"Ethos_U55_High_End_Embedded, Shared_Sram{options}; made by extract.py\n"
            )
            writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            for macs, path in sorted(files):
                writer.writerows(rows(path, macs, cascades))


if __name__ == "__main__":
    main()
