#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The grid: which cells the benchmark measures, and what each is to reach.

    grid.py                    the cells, a line each
    grid.py COMMAND…           gives them, made small, to a command's stdin: `grid.py norma_worker --check`
"""
import dataclasses
import math
import subprocess
import sys

BYTES = {"f64": 8, "f32": 4, "f16": 2, "bf16": 2}


@dataclasses.dataclass(frozen=True)
class Cell:
    op: str
    shape: tuple          # as it lies in memory
    layout: str           # rows, NCHW, NHWC, NCL, NLC, NC
    pass_: str = "forward"  # forward (in training), backward, inference (with given statistics)
    dtype: str = "f32"
    normalized: int = 1   # rows: how many trailing axes are one distribution
    groups: int = 1
    offset: int = 0       # elements between a cache line and the tensors
    narrow: str = ""      # mask, lengths
    quick: bool = dataclasses.field(default=False, compare=False)

    @property
    def channels_last(self):
        return self.layout in ("NHWC", "NLC")

    @property
    def channels(self):
        return 1 if self.layout == "rows" else self.shape[-1] if self.channels_last else self.shape[1]

    @property
    def bytes(self):
        """Of one tensor."""
        return math.prod(self.shape) * BYTES[self.dtype]

    @property
    def moved(self):
        """Of all that must be read and written."""
        return self.bytes * (3 if self.pass_ == "backward" else 2)

    @property
    def distribution_bytes(self):
        if self.op == "batch_norm":
            return self.bytes // self.channels
        if self.layout == "rows":
            return math.prod(self.shape[-self.normalized:]) * BYTES[self.dtype]
        return self.bytes // self.shape[0] // (self.groups if self.op == "group_norm" else self.channels)

    def name(self):
        sizes = "×".join(map(str, self.shape[: len(self.shape) - self.normalized] if self.layout == "rows" else self.shape))
        if self.layout == "rows":
            trailing = "·".join(map(str, self.shape[-self.normalized:]))
            sizes += f"×({trailing})" if self.normalized > 1 else f"×{trailing}"
        extra = [f"{self.groups} groups"] if self.op == "group_norm" else []
        extra += [self.narrow] if self.narrow else []
        extra += [f"{self.offset} off"] if self.offset else []
        return " ".join([self.op, sizes, *([] if self.layout == "rows" else [self.layout]), *extra, self.dtype, self.pass_])

    def line(self):
        """As the workers read it."""
        words = {"op": self.op, "shape": "x".join(map(str, self.shape)), "layout": self.layout, "pass": self.pass_,
                 "dtype": self.dtype, "normalized": self.normalized, "groups": self.groups, "offset": self.offset,
                 "narrow": self.narrow}
        return " ".join(f"{key}={value}" for key, value in words.items())

    def small(self, elements=1 << 18):
        """The same with fewer samples: enough for an error, not for a time."""
        each = math.prod(self.shape[1:])
        least = 2 if self.op == "batch_norm" else 1
        return dataclasses.replace(self, shape=(max(least, min(self.shape[0], elements // each)), *self.shape[1:]))

    def target(self, l2):
        """At most this many times the copy; None within L2, where the peers are the measure."""
        if self.moved <= l2:
            return None
        backward = self.pass_ == "backward"
        if self.pass_ == "inference":
            limit = 1.05
        elif self.op == "batch_norm" and (self.channels_last or self.layout == "NC"):
            limit = 1.65 if backward else 1.55
        elif self.distribution_bytes > l2 // 2:
            limit = 1.55
        else:
            limit = 1.25 if backward else 1.10
        return max(limit, 1.25) if BYTES[self.dtype] == 2 else limit


def rows(op, *shape, **more):
    return Cell(op, shape, "rows", **more)


def image(op, n, c, *spatial, last=False, **more):
    layout = {0: "NC", 1: "NLC" if last else "NCL", 2: "NHWC" if last else "NCHW"}[len(spatial)]
    return Cell(op, (n, *spatial, c) if last else (n, c, *spatial), layout, **more)


def passes(cell, *names):
    return [dataclasses.replace(cell, pass_=name) for name in names or ("forward", "backward")]


ALL = ("inference", "forward", "backward")


def issue_table():
    """The shapes by which the goals were set."""
    cells = []
    for shape in ((4096, 768), (2048, 4096), (128, 8192), (65536, 256), (8, 768), (1, 4096)):
        cells += passes(rows("layer_norm", *shape))
    for shape in ((32, 128, 768), (16, 512, 1024)):
        cells += passes(rows("layer_norm", *shape, normalized=2))
    cells += [rows("layer_norm", 2048, 4096, dtype="bf16")]
    cells += passes(rows("rms_norm", 2048, 4096))
    for shape in ((32, 64, 56, 56), (32, 512, 7, 7), (256, 64, 32, 32), (8, 3, 224, 224)):
        cells += passes(image("batch_norm", *shape), *ALL) + passes(image("batch_norm", *shape, last=True), *ALL)
    cells += passes(image("batch_norm", 4096, 1024), *ALL)
    for last in (False, True):
        cells += passes(image("group_norm", 16, 256, 32, 32, groups=32, last=last))
        cells += passes(image("instance_norm", 16, 256, 32, 32, last=last))
    return [dataclasses.replace(cell, quick=True) for cell in cells]


def resnet50():
    """Its BatchNorms, at 1, 4, 32 and 256 images, as far as a tensor has no more than 128 MiB."""
    cells = []
    for c, side in ((64, 112), (64, 56), (256, 56), (128, 28), (512, 28), (256, 14), (1024, 14), (512, 7), (2048, 7)):
        for n in (1, 4, 32, 256):
            for last in (False, True):
                if n * c * side * side * 4 <= 128 << 20:
                    cells += passes(image("batch_norm", n, c, side, side, last=last), *ALL)
    return cells


def transformers():
    """Widths of BERT, GPT-2 and Llama."""
    return [cell for op in ("layer_norm", "rms_norm") for width in (768, 1024, 1600, 4096, 5120, 8192)
            for count in (1, 8, 128, 2048) for cell in passes(rows(op, count, width))]


def odd():
    """Sizes and pointers that fit no vector."""
    cells = []
    for width in (49, 1000, 4097):
        cells += passes(rows("layer_norm", 2048, width))
    for offset in (1, 3):
        cells += passes(rows("layer_norm", 4096, 768, offset=offset)) + passes(image("batch_norm", 32, 64, 56, 56, offset=offset), *ALL)
    for c in (3, 17, 100):
        for last in (False, True):
            cells += passes(image("batch_norm", 16, c, 49, 49, last=last), *ALL)
    for last in (False, True):
        cells += passes(image("batch_norm", 32, 256, 512, last=last), *ALL)
        cells += passes(image("group_norm", 32, 256, 512, groups=32, last=last))
        cells += passes(image("instance_norm", 32, 256, 512, last=last))
    return cells


def dtypes():
    cells = []
    for dtype in ("f64", "bf16", "f16"):
        cells += passes(rows("layer_norm", 4096, 768, dtype=dtype)) + passes(rows("rms_norm", 2048, 4096, dtype=dtype))
        cells += passes(rows("layer_norm", 8, 768, dtype=dtype))
        for last in (False, True):
            cells += passes(image("batch_norm", 32, 64, 56, 56, dtype=dtype, last=last), *ALL)
            cells += passes(image("group_norm", 16, 256, 32, 32, groups=32, dtype=dtype, last=last))
    return cells


def narrowed():
    """Padded batches: no peer has them."""
    cells = []
    for narrow in ("lengths", "mask"):
        for last in (False, True):
            for op in ("batch_norm", "instance_norm"):
                cells += passes(image(op, 32, 256, 512, last=last, narrow=narrow))
    return cells


def grid():
    return list(dict.fromkeys(issue_table() + resnet50() + transformers() + odd() + dtypes() + narrowed()))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print("\n".join(cell.name() for cell in grid()))
    else:
        lines = dict.fromkeys(cell.small().line() for cell in grid())
        sys.exit(subprocess.run(sys.argv[1:], input="\n".join(lines) + "\n", text=True).returncode)
