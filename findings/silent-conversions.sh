#!/usr/bin/env bash
# torch.tensor, as_tensor, asarray and Tensor.new_tensor read a subclass of Tensor without calling its
# __torch_function__. Whoever traces a training by a subclass ("every operation on my weights comes
# through here") gets a plain copy of the values, and no call; a TorchFunctionMode does see the four.
#
# Version: torch 2.13.0 (CPU build).
#
# The guesses that are wrong:
# - "__torch_function__ is called for every function of torch that is given the subclass." It is for
#   stack, einsum, copy_, __setitem__, numpy(), tolist(), from_dlpack and the other operations tried
#   below; not for the four that make a tensor of anything, which count as factories.
# - "as_tensor hands a tensor back as it is, so the subclass comes out, and the next operation is
#   seen." That holds without a dtype (and for asarray); with another dtype a plain Tensor comes out,
#   and everything after it goes unseen as well.
# - "A TorchFunctionMode sees what the subclass's method sees." It sees more: all four.
#
# It matters to lazy evaluation, unit checking, provenance and compilers built upon a subclass: the one
# read that is missed is the value before training.
#
# Output seen:
#
#   call                    subclass is told   mode is told   type of the result
#   w + 1                   yes                yes            Tensor
#   torch.stack([w])        yes                yes            Tensor
#   w.numpy()               yes                yes            ndarray
#   torch.from_dlpack(w)    yes                yes            Tensor
#   zeros.copy_(w)          yes                yes            Tensor
#   torch.tensor(w)         no                 yes            Tensor
#   torch.as_tensor(w)      no                 yes            Watched
#   as_tensor(w, float64)   no                 yes            Tensor
#   torch.asarray(w)        no                 yes            Watched
#   zeros.new_tensor(w)     no                 yes            Tensor
#   holds
#
# Exits with 0 when all of that holds, 1 when something changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
pip=("$folder/venv/bin/python" -m pip install --quiet)
# PyTorch's own index has the CPU build, which is a tenth as large; PyPI serves as well.
index=https://download.pytorch.org/whl/cpu
"${pip[@]}" --retries 0 --index-url "$index" torch==2.13.0 2>/dev/null || "${pip[@]}" torch==2.13.0
"${pip[@]}" numpy==2.4.6

cat >"$folder/conversions.py" <<'PROGRAM'
import sys
import warnings

import torch
from torch.overrides import TorchFunctionMode

warnings.simplefilter("ignore")
told = {"subclass": 0, "mode": 0}


class Watched(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        told["subclass"] += 1
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))


class Mode(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        told["mode"] += 1
        return func(*args, **(kwargs or {}))


watched = torch.tensor([1.0, 2.0, 3.0]).as_subclass(Watched)
zeros = torch.zeros(3)
CALLS = {
    "w + 1": (lambda: watched + 1, True),
    "torch.stack([w])": (lambda: torch.stack([watched]), True),
    "w.numpy()": (lambda: watched.numpy(), True),
    "torch.from_dlpack(w)": (lambda: torch.from_dlpack(watched), True),
    "zeros.copy_(w)": (lambda: zeros.copy_(watched), True),
    "torch.tensor(w)": (lambda: torch.tensor(watched), False),
    "torch.as_tensor(w)": (lambda: torch.as_tensor(watched), False),
    "as_tensor(w, float64)": (lambda: torch.as_tensor(watched, dtype=torch.float64), False),
    "torch.asarray(w)": (lambda: torch.asarray(watched), False),
    "zeros.new_tensor(w)": (lambda: zeros.new_tensor(watched), False),
}
holds = True
print(f"{'call':<23} subclass is told   mode is told   type of the result")
for call, (make, expected) in CALLS.items():
    told.update(subclass=0, mode=0)
    result = make()
    subclass = told["subclass"] > 0
    with Mode():
        make()
    mode = told["mode"] > 0
    kind = type(result).__name__
    kinds = {"w.numpy()": "ndarray", "torch.as_tensor(w)": "Watched", "torch.asarray(w)": "Watched"}
    holds &= subclass == expected and mode and kind == kinds.get(call, "Tensor")
    words = ["yes" if each else "no" for each in (subclass, mode)]
    print(f"{call:<23} {words[0]:<18} {words[1]:<14} {kind}")
print("holds" if holds else "CHANGED")
sys.exit(0 if holds else 1)
PROGRAM
"$folder/venv/bin/python" "$folder/conversions.py"
