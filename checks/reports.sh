#!/bin/sh
# Makes reports and traces of five shared models on four chips, and opens every one of them:
#
#     checks/reports.sh COFIT MODELS [SHOTS]
#
# COFIT is the built program, MODELS the folder of shared models, SHOTS a folder for pictures of the pages.
# Needs Node.js, Debian's chromium, and a registry or cache that has playwright-core.
set -eu

cofit=$1
models=$2
shots=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

test -d "$here/node_modules/playwright-core" || npm ci --silent --prefix "$here"

for chip in stm32h747 imxrt1170 ethos-u55-128 gap9; do
    for model in \
        coral_test_data/tf2_mobilenet_v2_1.0_224_ptq \
        mlperf_tiny/vww_96_int8 \
        mlperf_tiny/pretrainedResnet_quant \
        mlperf_tiny/kws_ref_model \
        mlperf_tiny/ad01_int8; do
        name=$made/$(basename "$model")-$chip
        "$cofit" report "$models/$model.tflite" --chip "$chip" -o "$name.html"
        "$cofit" sim "$models/$model.tflite" --chip "$chip" --format trace -o "$name.json"
        test "$(wc -c < "$name.html")" -lt 1000000
    done
done
"$cofit" report "$models/mlperf_tiny/vww_96_int8.tflite" --chip stm32h747 \
    --against-chip ethos-u55-128 -o "$made/two-runs.html"

python3 "$here/trace.py" "$made"/*.json
if [ -n "$shots" ]; then
    node "$here/report_page.mjs" --shots "$shots" "$made"/*.html
else
    node "$here/report_page.mjs" "$made"/*.html
fi
