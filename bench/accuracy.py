#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How far results lie from the exact ones, on inputs that make methods fail: Norma beside its peers, on the same bytes.

    accuracy.py [--long] [--docs] [--filter REGEX]       ./run accuracy calls it

--long   adds distributions of 10^8 elements: 3 GB of memory and some minutes
--docs   writes the tables into docs/trust.md and docs/accuracy.md
Ends with 1 where Norma errs by more than two units in the last place, or by more than the best of its peers does.

The measure is an error in units in the last place of max(1, |y|), in the output's type: a correctly rounded result has at most
0.5. The reference is computed from the definition in 80-bit floats about a member of the distribution, in two passes.
Weights are 1 and biases 0, eps is 1e-5: what is measured are the statistics and the rescaling.
"""
import argparse
import dataclasses
import math
import os
import re
import sys
import tempfile
from pathlib import Path

import ml_dtypes
import numpy as np

import norma
import workers

ROOT = Path(__file__).resolve().parent.parent
EPS = 1e-5
TYPES = {"f32": np.dtype(np.float32), "f64": np.dtype(np.float64), "f16": np.dtype(np.float16), "bf16": np.dtype(ml_dtypes.bfloat16)}
DIGITS = {"f32": 24, "f64": 53, "f16": 11, "bf16": 8}
PEERS = {"norma": "Norma", "torch": "PyTorch", "onednn": "oneDNN", "onnxruntime": "ONNX Runtime"}


@dataclasses.dataclass(frozen=True)
class Operation:
    title: str
    op: str
    shape: tuple  # as it lies in memory
    layout: str = "rows"
    normalized: int = 1
    groups: int = 1

    def axes(self):
        """The shape that makes each distribution a choice of whole axes, and those axes."""
        shape, last = self.shape, self.layout == "NHWC"
        if self.layout == "rows":
            return shape, tuple(range(len(shape) - self.normalized, len(shape)))
        channel = len(shape) - 1 if last else 1
        if self.op == "batch_norm":
            return shape, tuple(a for a in range(len(shape)) if a != channel)
        if self.op == "instance_norm":
            return shape, tuple(a for a in range(1, len(shape)) if a != channel)
        split = (*shape[:channel], self.groups, shape[channel] // self.groups, *shape[channel + 1:])
        return split, tuple(a for a in range(1, len(split)) if a != channel)

    def parameters(self):
        return math.prod(self.shape[-self.normalized:]) if self.layout == "rows" else self.shape[-1 if self.layout == "NHWC" else 1]

    def by_norma(self, x):
        axis = -1 if self.layout == "NHWC" else 1
        match self.op:
            case "layer_norm": return norma.layer_norm(x, self.shape[-self.normalized:])
            case "rms_norm": return norma.rms_norm(x, self.shape[-self.normalized:], eps=EPS)
            case "batch_norm": return norma.batch_norm(x, channel_axis=axis)
            case "instance_norm": return norma.instance_norm(x, channel_axis=axis)
            case _: return norma.group_norm(x, self.groups, channel_axis=axis)

    def line(self, dtype, data):
        words = {"op": self.op, "shape": "x".join(map(str, self.shape)), "layout": self.layout, "pass": "forward", "dtype": dtype,
                 "normalized": self.normalized, "groups": self.groups, "offset": 0, "narrow": "", "data": data}
        return " ".join(f"{key}={value}" for key, value in words.items())


OPERATIONS = [
    Operation("LayerNorm, per token", "layer_norm", (128, 768)),
    Operation("LayerNorm, per sample", "layer_norm", (8, 64, 96), normalized=2),
    Operation("RMSNorm", "rms_norm", (128, 768)),
    Operation("BatchNorm, NCHW", "batch_norm", (16, 8, 28, 28), "NCHW"),
    Operation("BatchNorm, NHWC", "batch_norm", (16, 28, 28, 8), "NHWC"),
    Operation("GroupNorm, NCHW", "group_norm", (4, 32, 28, 28), "NCHW", groups=8),
    Operation("GroupNorm, NHWC", "group_norm", (4, 28, 28, 32), "NHWC", groups=8),
    Operation("InstanceNorm, NCHW", "instance_norm", (4, 32, 28, 28), "NCHW"),
    Operation("InstanceNorm, NHWC", "instance_norm", (4, 28, 28, 32), "NHWC"),
]
LONG = [
    Operation("LayerNorm, one of 10⁸", "layer_norm", (1, 10**8)),
    Operation("BatchNorm, 4 channels of 10⁸ together, NHWC", "batch_norm", (25, 1000, 1000, 4), "NHWC"),
]


def families(dtype):
    """What the numbers are like: name → values of a shape."""
    normal = lambda mean: lambda r, shape: mean + r.standard_normal(shape)  # noqa: E731
    largest = float(ml_dtypes.finfo(TYPES[dtype]).max)
    least = float(ml_dtypes.finfo(TYPES[dtype]).smallest_subnormal)
    found = {"mean 0": normal(0)}
    if dtype in ("f32", "f64"):
        found |= {f"mean 10{power} deviations": normal(10.0**n) for n, power in ((1, "¹"), (2, "²"), (3, "³"), (4, "⁴"), (6, "⁶"), (8, "⁸"))}
        size = 1e30 if dtype == "f32" else 1e120

        def alternating(r, shape):
            x = r.standard_normal(shape).ravel()
            return (x * np.where(np.arange(x.size) % 2, size, 1 / size)).reshape(shape)

        found["huge and tiny in turn"] = alternating
    else:
        found["mean 100 deviations"] = normal(100 if dtype == "f16" else 30)
        found["sums beyond the type's range"] = lambda r, shape: 30000 + 2000 * r.standard_normal(shape)

    def outlier(r, shape):
        x = r.standard_normal(shape)
        x.reshape(-1)[r.integers(0, x.size, max(1, x.size // 5000))] = 1e9 if dtype in ("f32", "f64") else 6e4
        return x

    # The squares of doubles near either end leave the range in which their moments are held: docs/contracts.md, 2.
    return found | {
        "denormals": lambda r, shape: r.integers(-1000, 1001, shape) * (least if dtype != "f64" else 1e-140),
        "near overflow": lambda r, shape: r.uniform(-1, 1, shape) * (largest if dtype != "f64" else 1e140),
        "near overflow, one sign": lambda r, shape: r.uniform(0.75, 1, shape) * (largest if dtype != "f64" else 1e140),
        "one outlier": outlier,
        "constant 0.1": lambda r, shape: np.full(shape, 0.1),
        "constant 12345.678": lambda r, shape: np.full(shape, 12345.678),
    }


def errors(x, y, operation, dtype, piece=1 << 22):
    """Worst and mean error in units in the last place, over every element."""
    shape, axes = operation.axes()
    kept = [a for a in range(len(shape)) if a not in axes]
    # Distributions first, members last.
    order = (*kept, *axes)
    rows = np.transpose(x.reshape(shape), order).reshape(math.prod(shape[a] for a in kept), -1)
    results = np.transpose(y.reshape(shape), order).reshape(rows.shape)
    worst, total = 0.0, 0.0
    digits = DIGITS[dtype]

    def pieces(row):
        return (slice(at, at + piece) for at in range(0, row.size, piece))

    for row, result in zip(rows, results):
        centred = operation.op != "rms_norm"
        pivot = np.longdouble(row[0].astype(np.float64)) if centred else np.longdouble(0)
        distance = lambda at: row[at].astype(np.float64).astype(np.longdouble) - pivot  # noqa: B023, E731
        n = np.longdouble(row.size)
        mean = sum(distance(at).sum() for at in pieces(row)) / n if centred else np.longdouble(0)
        variance = sum(((distance(at) - mean) ** 2).sum() for at in pieces(row)) / n
        rstd = 1 / np.sqrt(variance + np.longdouble(EPS))
        for at in pieces(row):
            exact = (distance(at) - mean) * rstd
            _, exponent = np.frexp(np.maximum(np.abs(exact), 1).astype(np.float64))
            error = np.abs(result[at].astype(np.float64).astype(np.longdouble) - exact) / np.ldexp(1.0, exponent - digits)
            error = np.where(np.isnan(error), np.inf, error).astype(np.float64)
            worst, total = max(worst, float(error.max())), total + float(error.sum())
    return worst, total / rows.size


def start(threads):
    """The peers that can be had; name → worker. oneDNN's newest build."""
    started, missing = {}, {}
    have = workers.environment(workers.PEERS, "requirements.txt")
    commands = {"torch": [workers.PEERS / "bin/python", workers.HERE / "peers.py", "torch", threads],
                "onnxruntime": [workers.PEERS / "bin/python", workers.HERE / "peers.py", "onnxruntime", threads],
                "onednn": [workers.onednn_worker(workers.PEERS) if have else None]}
    for name, command in commands.items():
        if not have or command[0] is None:
            missing[name] = "not installed"
            continue
        more = {"LD_LIBRARY_PATH": f"{workers.PEERS}/lib", "OCL_ICD_FILENAMES": f"{workers.PEERS}/lib/libintelocl.so"} if name == "onednn" else {}
        try:
            started[name] = workers.Worker(command, threads, **more)
        except (OSError, workers.Refused) as error:
            missing[name] = str(error)
    return started, missing


def measure(operation, dtype, values, peers, folder):
    """Name → (worst, mean), for those that can."""
    x = np.ascontiguousarray(values.astype(TYPES[dtype]))
    x.tofile(folder / "x")
    for name, value in (("weight", 1), ("bias", 0), ("mean", 0), ("variance", 1)):
        np.full(operation.parameters(), value, np.float32).tofile(folder / name)
    found = {"norma": errors(x, operation.by_norma(x), operation, dtype)}
    for name, peer in peers.items():
        try:
            # In ONNX Runtime a BatchNorm has no training.
            peer.ask("prepare", operation.line(dtype, folder))
            peer.ask("save", folder / "y")
            found[name] = errors(x, np.fromfile(folder / "y", x.dtype).reshape(x.shape), operation, dtype)
        except workers.Refused as refused:
            print(f"      {name}: {refused}", file=sys.stderr)
    return found


def shown(pair):
    if pair is None:
        return "–"
    write = lambda v: "NaN" if math.isinf(v) else "0" if v == 0 else f"{v:.2f}" if v < 100 else f"{v:.1e}"  # noqa: E731
    return f"{write(pair[0])} · {write(pair[1])}"


def table(first, rows):
    """rows: (words, {name: (worst, mean)})."""
    head = f"| {first} | " + " | ".join(PEERS.values()) + " |"
    return [head, "| --- " * (len(PEERS) + 1) + "|", *(f"| {words} | " + " | ".join(shown(found.get(name)) for name in PEERS) + " |" for words, found in rows)]


def summary(cells):
    """For each type and family the worst of all operations, and the mean of all."""
    rows = []
    for dtype, family in dict.fromkeys((dtype, family) for _, dtype, family, _ in cells):
        found = {}
        for name in PEERS:
            of = [f[name] for _, t, fam, f in cells if (t, fam) == (dtype, family) and name in f]
            if of:
                found[name] = max(w for w, _ in of), float(np.mean([m for _, m in of]))
        rows.append((f"{dtype}, {family}", found))
    return table("worst · mean error, ulp", rows)


def write_between(page, name, lines):
    begin, end = f"<!-- {name}: written by ./run accuracy --docs -->", f"<!-- {name}: end -->"
    text = page.read_text()
    if begin not in text or end not in text:
        sys.exit(f"accuracy: {page} has no place for the table")
    head, rest = text.split(begin)
    page.write_text(head + begin + "\n" + "\n".join(lines) + "\n" + end + rest.split(end)[1])


def main():
    parser = argparse.ArgumentParser(prog="./run accuracy", description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true", help="distributions of 10^8 elements too: 3 GB of memory, some minutes")
    parser.add_argument("--docs", action="store_true", help="write the tables into docs/trust.md and docs/accuracy.md")
    parser.add_argument("--filter", metavar="REGEX", default="", help="the cells whose title, type and family match")
    arguments = parser.parse_args()
    seed = int(os.environ.get("NORMA_SEED", "1"))
    peers, missing = start(len(os.sched_getaffinity(0)))
    names = ", ".join([f"Norma {norma.__version__}", *(peer.name for peer in peers.values())])
    print(f"accuracy: {names}; NORMA_SEED={seed}; missing: {missing or 'none'}", flush=True)
    cells, behind = [], []
    plan = [(o, dtype, family, make) for dtype in TYPES for o in OPERATIONS for family, make in families(dtype).items()]
    if arguments.long:
        plan += [(o, "f32", family, make) for o in LONG for family, make in families("f32").items() if family in ("mean 0", "mean 10³ deviations", "mean 10⁶ deviations")]
    with tempfile.TemporaryDirectory(prefix="norma-accuracy-") as folder:
        for i, (operation, dtype, family, make) in enumerate(plan):
            title = f"{operation.title}, {dtype}, {family}"
            if not re.search(arguments.filter, title):
                continue
            found = measure(operation, dtype, make(np.random.default_rng((seed, i)), operation.shape), peers, Path(folder))
            cells.append((operation, dtype, family, found))
            print("   ", title, {name: shown(pair) for name, pair in found.items()}, flush=True)
            best = min((w for name, (w, _) in found.items() if name != "norma"), default=math.inf)
            # What rounds a little worse within the last place is no other method.
            if found["norma"][0] > 2 or found["norma"][0] > max(best, 1):
                behind.append(title)
    for peer in peers.values():
        peer.close()
    lines = summary(cells)
    print("\n".join(lines))
    if arguments.docs:
        write_between(ROOT / "docs/trust.md", "accuracy", [f"Measured with {names}.", "", *lines])
        whole = []
        for dtype in TYPES:
            rows = [(f"{o.title}, {family}", found) for o, t, family, found in cells if t == dtype]
            whole += ["", f"## {dtype}", "", *table("worst · mean error, ulp", rows)]
        write_between(ROOT / "docs/accuracy.md", "accuracy", [f"Measured with {names}.", *whole])
    for title in behind:
        print(f"accuracy: Norma is behind, or beyond two units: {title}")
    print(f"accuracy: {len(cells)} cells, {len(behind)} of them behind or beyond two units")
    sys.exit(1 if behind or not cells else 0)


if __name__ == "__main__":
    main()
