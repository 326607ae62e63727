# SPDX-License-Identifier: Apache-2.0
"""How Norma behaves in a process: threads, signals, memory, references, and its figures of overhead."""

import gc
import os
import resource
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import norma


def test_threads_get_the_bits_of_one():
    x = np.random.default_rng(1).normal(size=(64, 2048)).astype(np.float32)
    expected, wrong = norma.layer_norm(x, 2048), []

    def work():
        out = np.empty_like(x)
        for _ in range(50):
            norma.layer_norm(x, 2048, out=out)
            if not (out == expected).all():
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_others_run_meanwhile():
    """While one thread normalizes for some hundred milliseconds, another one counts."""
    x, counted, done = np.ones((64, 1 << 20), np.float32), [], threading.Event()

    def count():
        while not done.is_set():
            counted.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    begin = time.perf_counter()
    norma.normalize(x, 1, out=x)
    end = time.perf_counter()
    done.set()
    thread.join()
    assert sum(begin < t < end for t in counted) >= 2


def test_ctrl_c_ends_a_long_call():
    """SIGINT during a call raises KeyboardInterrupt well before the call would have ended."""
    script = """
import time, threading, os, signal, numpy as np, norma
x, mask = np.ones((128, 1 << 21), np.float16), np.random.default_rng(1).random((1, 1 << 21)) < 0.5
norma.set_num_threads(1)
start = time.perf_counter(); norma.normalize(x[:16], 1, mask=mask, out=x[:16]); whole = 8 * (time.perf_counter() - start)
threading.Timer(0.2 * whole, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
start = time.perf_counter()
try:
    norma.normalize(x, 1, mask=mask, out=x)
    print("not interrupted")
except KeyboardInterrupt:
    print("interrupted" if time.perf_counter() - start < 0.8 * whole else "late", time.perf_counter() - start, whole)
norma.normalize(x[:2], 1)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.stdout.startswith("interrupted"), run.stdout + run.stderr


def test_a_forked_child_computes():
    x = np.random.default_rng(1).normal(size=(64, 2048)).astype(np.float32)
    expected = norma.layer_norm(x, 2048).sum()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"1" if norma.layer_norm(x, 2048).sum() == expected else b"0")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 1) == b"1"


def calls():
    import jax.numpy as jnp
    import torch

    x = np.ones((4, 6), np.float32)
    w, mask, t, j = np.ones(6), np.ones((4, 6), bool), torch.ones(4, 6), jnp.ones((4, 6))
    layer = __import__("norma.torch").torch.LayerNorm(6)
    wants = t.clone().requires_grad_()

    def refused():
        with pytest.raises(ValueError):
            norma.layer_norm(x, 5, w, out=x)
        with pytest.raises(TypeError):
            norma.layer_norm(x, 6, mask=w)

    return {
        "numpy": lambda: norma.layer_norm(x, 6, w, mask=mask),
        "out": lambda: norma.layer_norm(x, 6, w, out=x),
        "torch": lambda: norma.layer_norm(t, 6),
        "jax": lambda: norma.layer_norm(j, 6),
        "bfloat16": lambda: norma.layer_norm(x.astype("bfloat16"), 6),
        "lengths": lambda: norma.normalize(x, 1, lengths=[1, 2, 3, 4]),
        "labels": lambda: norma.normalize(x, grouping=norma.Grouping.labels([0, 1, 0, 1])),
        "moments": lambda: norma.moments(x, 1).merge(norma.moments(x, 1)).mean,
        "layer": lambda: layer(wants).sum().backward(),
        "refused": refused,
    }


@pytest.mark.parametrize("name", ["numpy", "out", "torch", "jax", "bfloat16", "lengths", "labels", "moments", "layer", "refused"])
def test_nothing_leaks(name):
    call = calls()[name]
    operands = [c.cell_contents for c in call.__closure__ if isinstance(c.cell_contents, np.ndarray)]
    for _ in range(200):
        call()
    gc.collect()
    references, objects, memory = [sys.getrefcount(o) for o in operands], len(gc.get_objects()), peak()
    for _ in range(3000):
        call()
    gc.collect()
    assert [sys.getrefcount(o) for o in operands] == references
    assert len(gc.get_objects()) - objects < 100
    assert peak() - memory < 4 << 20


def test_results_of_every_size_are_freed():
    for _ in range(3):
        norma.layer_norm(np.ones((1 << 10, 1 << 10), np.float32), 1 << 10)
    memory = peak()
    for _ in range(50):
        norma.layer_norm(np.ones((1 << 10, 1 << 10), np.float32), 1 << 10)
    assert peak() - memory < 16 << 20


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_many_layouts():
    """More layouts than plans are remembered: none is mixed up."""
    random = np.random.default_rng(1)
    arrays = [random.normal(size=(3, n)).astype(np.float32) for n in range(2, 1500)]
    for x in arrays + arrays[::-1]:
        assert abs(norma.layer_norm(x, x.shape[1]).mean()) < 1e-6


def test_the_package_is_typed():
    import importlib.resources

    files = importlib.resources.files("norma")
    assert (files / "py.typed").is_file()
    stubs = (files / "_norma.pyi").read_text()
    for name in norma.__all__:
        if getattr(getattr(norma, name), "__module__", "") == "norma._norma":
            assert f"def {name}(" in stubs or f"class {name}" in stubs, name
    compile(stubs, "_norma.pyi", "exec")
