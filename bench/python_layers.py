#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole models with torch.nn's normalization layers and with Norma's, side by side in one run.

Each case checks first that both give the same result, then takes steps of one and the other in turn, so that both see the same
machine, and prints medians in milliseconds: of the step, and of what its normalization layers took, forward (hooks around
them) and backward (hooks around their nodes of autograd's graph).

    python bench/python_layers.py [--seconds 3] [CASE…]
"""

import argparse
import copy
import statistics
import time
import timeit

import torch
from torch import nn
from torch.nn import functional as F

import norma.torch


class Block(nn.Module):
    """A ResNet's basic block."""

    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.short = nn.Identity()
        if stride > 1 or channels != out:
            self.short = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.short(x))


class ResNet18(nn.Module):
    """He et al. 2016, for images of 32 x 32 as of CIFAR-10."""

    def __init__(self):
        super().__init__()
        blocks, channels = [], 64
        for out, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
            blocks.append(Block(channels, out, stride))
            channels = out
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        self.blocks, self.head = nn.Sequential(*blocks), nn.Linear(512, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class BertLayer(nn.Module):
    """One encoder layer of BERT-base, as Devlin et al. 2018 and Hugging Face have it: LayerNorm after each sum."""

    def __init__(self, width=768, heads=12, inner=3072):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = self.norm1(x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class LlamaBlock(nn.Module):
    """One block of a Llama-like model: RMSNorm before attention and before a gated feed-forward."""

    def __init__(self, width=1024, heads=16, inner=2816):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.gate, self.up = nn.Linear(width, inner, bias=False), nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)
        self.norm1, self.norm2 = nn.RMSNorm(width, eps=1e-5), nn.RMSNorm(width, eps=1e-5)

    def forward(self, x):
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


# name: (model, input, whether it trains)
CASES = {
    "ResNet-18, train": (ResNet18, (16, 3, 32, 32), True),
    "ResNet-18, train, channels_last": (ResNet18, (16, 3, 32, 32), True),
    "BERT-base layer, train": (BertLayer, (8, 128, 768), True),
    "BERT-base layer, infer": (BertLayer, (8, 128, 768), False),
    "Llama block, infer, 256 tokens": (LlamaBlock, (1, 256, 1024), False),
    "Llama block, infer, 1 token": (LlamaBlock, (1, 1, 1024), False),
}


def step_of(model, x, train):
    if not train:
        model.eval()

        def infer():
            with torch.no_grad():
                return model(x)

        return infer

    def step():
        model.zero_grad(set_to_none=True)
        y = model(x)
        y.square().mean().backward()
        return y

    return step


class Clock:
    """The time that a model's normalization layers take, forward and backward."""

    def __init__(self, model):
        self.total = 0.0
        for module in model.modules():
            if "Norm" in type(module).__name__:
                module.register_forward_pre_hook(lambda *_: self.start())
                module.register_forward_hook(self.after_forward)

    def start(self, *_):
        self.began = time.perf_counter()

    def stop(self, *_):
        self.total += time.perf_counter() - self.began

    def after_forward(self, module, args, y):
        self.stop()
        if y.grad_fn is not None:
            y.grad_fn.register_prehook(self.start)
            y.grad_fn.register_hook(self.stop)


def measure(name, seconds):
    build, shape, train = CASES[name]
    torch.manual_seed(1)
    model, x = build(), torch.randn(shape)
    if "channels_last" in name:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    models = model, norma.torch.convert(copy.deepcopy(model))
    clocks, steps = [Clock(m) for m in models], [step_of(m, x, train) for m in models]
    reference, ours = (step() for step in steps)
    error = ((reference - ours).abs().max() / reference.abs().max()).item()
    if not error < 1e-4:
        raise SystemExit(f"{name}: the results differ by {error:.1e}; nothing is timed")
    times, norms = ([], []), ([], [])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 5:
        for step, clock, taken, of_norms in zip(steps, clocks, times, norms):
            clock.total = 0.0
            start = time.perf_counter()
            step()
            taken.append(1e3 * (time.perf_counter() - start))
            of_norms.append(1e3 * clock.total)
    (before, after), (norm_before, norm_after) = ([statistics.median(t) for t in pair] for pair in (times, norms))
    print(
        f"{name:32} {before:8.2f} -> {after:8.2f}   {norm_before:8.3f} -> {norm_after:8.3f}  {norm_before / norm_after:5.2f}x   "
        f"{100 * norm_before / before:5.1f} % -> {100 * norm_after / after:4.1f} %   {error:.0e}"
    )


def overhead():
    """What one call on (8, 64) with out= takes, C++ and all: nearly all of it is the way there."""
    import numpy as np

    x, out, weight = np.ones((8, 64), np.float32), np.empty((8, 64), np.float32), np.ones(64, np.float32)
    for kind, make in (("NumPy", lambda a: a), ("PyTorch", torch.from_numpy)):
        args, y = [make(x), (64,), make(weight), make(weight)], make(out)
        best = min(timeit.repeat(lambda: norma.layer_norm(*args, out=y), number=20000, repeat=7)) / 20000
        print(f"norma.layer_norm of (8, 64), {kind}, weight, bias and out given: {1e6 * best:.2f} us")
    layers, best = (nn.LayerNorm(64), norma.torch.LayerNorm(64)), []
    with torch.no_grad():
        for layer in layers:
            best.append(min(timeit.repeat(lambda: layer(args[0]), number=20000, repeat=7)) / 20000)
    print(f"LayerNorm(64) of (8, 64), inference: {1e6 * best[0]:.2f} -> {1e6 * best[1]:.2f} us")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("case", nargs="*", help="part of a case's name")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, norma {norma.__version__} on {norma.target()}")
    print(f"{'torch.nn -> norma, ms':32} {'step':>20}   {'normalization':>20}          {'share of the step':>17}   difference")
    for case in CASES:
        if not options.case or any(part in case for part in options.case):
            measure(case, options.seconds)
    if not options.case:
        overhead()
