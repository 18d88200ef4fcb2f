#!/usr/bin/env bash
# The size of a float32 matrix product's rounding error depends on the instruction set that MKL picks
# for the processor: by a third and more, in opposite directions for one row and for two. torch's own
# switch, ATEN_CPU_CAPABILITY, does not reproduce it.
#
# Versions: torch 2.13.0 (CPU build, MKL inside), numpy 2.4.6, x86-64 with AVX-512 (an Intel Xeon).
#
# The guesses that are wrong:
# - "ATEN_CPU_CAPABILITY=avx2 computes what a machine with AVX2 computes." It changes no bit of a
#   matrix product: torch hands those to MKL, which looks at the processor itself.
#   MKL_ENABLE_INSTRUCTIONS=AVX2, or MKL_CBWR=AVX2, does it.
# - "Instruction sets only shuffle the last bits, the size of the error is the same." For one row
#   AVX2 errs by 37 % more than AVX-512, for two rows AVX-512 by 36 % more than AVX2.
# - "If the products of two machines agree bit for bit, that holds for the single example too." With
#   16 rows AVX-512 and AVX2 agree to the last bit, with one or two rows they do not.
# - "MKL_CBWR=COMPATIBLE (SSE2, the same on all x86-64 processors) is the least exact." With 16 rows it
#   is the most exact of the three.
#
# It matters where a number *is* a rounding error: in a network of 40 chaotic layers the median error
# differs by a factor of two between processors; with MKL_CBWR=COMPATIBLE it is the same to 4 digits.
#
# Output seen (the error of 64 products of ROWS × 256 by 256 × 64, root mean square, in units of
# 2^-24 of the result; "=" marks results that equal the first column's bit for bit):
#
#   torch says AVX512
#   rows  as it is   ATEN_CPU_CAPABILITY=avx2   MKL_ENABLE_INSTRUCTIONS=AVX2   MKL_CBWR=COMPATIBLE
#      1     3.508                      3.508=                         4.812                 4.851
#      2     4.758                      4.758=                         3.487                 4.814
#     16     4.775                      4.775=                         4.775=                3.152
#   holds    torch's switch changes no bit
#   holds    one row: AVX-512 is more exact than AVX2
#   holds    two rows: AVX-512 is less exact than AVX2
#   holds    16 rows: AVX-512 and AVX2 agree to the last bit
#   holds    16 rows: the compatible kernels are the most exact
#
# Exits with 0 when all of that holds, 1 when something changed, 2 where there is no AVX-512.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
pip=("$folder/venv/bin/python" -m pip install --quiet)
# PyTorch's own index has the CPU build, which is a tenth as large; PyPI serves as well.
index=https://download.pytorch.org/whl/cpu
"${pip[@]}" --retries 0 --index-url "$index" torch==2.13.0 2>/dev/null || "${pip[@]}" torch==2.13.0
"${pip[@]}" numpy==2.4.6

cat >"$folder/product.py" <<'PROGRAM'
import hashlib
import json

import torch

torch.set_num_threads(1)
rows = {}
for count in (1, 2, 16):
    generator = torch.Generator().manual_seed(count)
    left = torch.randn(64, count, 256, generator=generator)
    right = torch.randn(64, 256, 64, generator=generator)
    exact = torch.bmm(left.double(), right.double())
    product = torch.bmm(left, right)
    error = float((product.double() - exact).norm() / exact.norm()) * 2**24
    rows[count] = (error, hashlib.sha256(product.numpy().tobytes()).hexdigest())
print(json.dumps([torch.backends.cpu.get_cpu_capability(), rows]))
PROGRAM

cat >"$folder/compare.py" <<'PROGRAM'
import json
import os
import subprocess
import sys

SETTINGS = {
    "as it is": {},
    "ATEN_CPU_CAPABILITY=avx2": {"ATEN_CPU_CAPABILITY": "avx2"},
    "MKL_ENABLE_INSTRUCTIONS=AVX2": {"MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "MKL_CBWR=COMPATIBLE": {"MKL_CBWR": "COMPATIBLE"},
}
clean = {k: v for k, v in os.environ.items() if not k.startswith(("MKL_", "ATEN_"))}
results = {}
for name, setting in SETTINGS.items():
    done = subprocess.run(
        [sys.executable, sys.argv[1]], env=clean | setting, capture_output=True, check=True
    )
    results[name] = json.loads(done.stdout)
capability = results["as it is"][0]
print(f"torch says {capability}")
print("rows" + "".join(f"  {name:>{max(8, len(name))}} " for name in results).rstrip())
usual = results["as it is"][1]
for count in usual:
    line = f"{count:>4}"
    for name, (_, rows) in results.items():
        same = "=" if name != "as it is" and rows[count][1] == usual[count][1] else " "
        line += f"  {rows[count][0]:>{max(8, len(name))}.3f}{same}"
    print(line.rstrip())
if capability != "AVX512":
    sys.exit(2)
aten, avx2, compatible = (results[name][1] for name in list(SETTINGS)[1:])
holds = {
    "torch's switch changes no bit": aten == usual,
    "one row: AVX-512 is more exact than AVX2": avx2["1"][0] > 1.2 * usual["1"][0],
    "two rows: AVX-512 is less exact than AVX2": usual["2"][0] > 1.2 * avx2["2"][0],
    "16 rows: AVX-512 and AVX2 agree to the last bit": avx2["16"] == usual["16"],
    "16 rows: the compatible kernels are the most exact": compatible["16"][0] < 0.8 * usual["16"][0],
}
for statement, true in holds.items():
    print(f"{'holds  ' if true else 'CHANGED'}  {statement}")
sys.exit(not all(holds.values()))
PROGRAM
"$folder/venv/bin/python" "$folder/compare.py" "$folder/product.py"
