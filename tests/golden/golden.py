#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same bits everywhere: builds tests/golden with each compiler, at each optimization, for each machine that can be had
or emulated, and compares all that it computes with the hashes that are kept. ./run golden calls it.

    golden.py [--keep] [--only REGEX] [--one-of N] [--docs]

--keep   first writes the hashes of the default build anew: for a change that means to change bits, which its commit explains
--only   variants whose name matches
--one-of a share of the cells for all of them, to see that they work: the released build computes all otherwise, others half or a sixteenth
--docs   writes the matrix into docs/trust.md
What cannot be built or run here is named, with the reason; a difference ends with status 1.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import bochs

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "build/golden"
PARTS = ("groupings", "layers", "batches")
CMAKE = os.environ.get("CMAKE", "cmake")
JOBS = os.environ.get("NORMA_JOBS", "2")


@dataclass
class Variant:
    name: str
    options: list = field(default_factory=list)  # of CMake
    emulator: tuple = ()
    built: Path | None = None  # by somebody else
    needs: str = ""  # a program without which there is none of it
    every_target: bool = False
    one_of: int = 1  # the share of the cells that is computed: all takes hours where everything is emulated
    threads: tuple = (2,)
    without: str = ""  # the dtype that is not compared


# The instruction set that this machine takes and the least: the rest take the released build, and half of the time.
TARGETS = "-DHWY_DISABLED_TARGETS='(HWY_SSSE3|HWY_SSE4|HWY_AVX3|HWY_AVX3_DL)'"


def native(compiler, level, **more):
    """Level O3 with the debug checks, as at every level but the default: NDEBUG is not set."""
    c = compiler.replace("clang++", "clang").replace("g++", "gcc")
    return Variant(f"x86-64, {compiler} -{level}",
                   [f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_C_COMPILER={c}", "-DCMAKE_BUILD_TYPE=None", f"-DCMAKE_CXX_FLAGS=-{level} {TARGETS}"],
                   needs=compiler, one_of=2, **more)


def cross(machine, label, flags="", emulator=None):
    prefix = f"{machine}-linux-gnu"
    return Variant(label, [f"-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_SYSTEM_PROCESSOR={machine}", f"-DCMAKE_CXX_COMPILER={prefix}-g++",
                           f"-DCMAKE_C_COMPILER={prefix}-gcc", "-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_CXX_FLAGS={flags}",
                           "-DCMAKE_EXE_LINKER_FLAGS=-static", f"-Dhwy_DIR={HERE}/highway"],
                   emulator=(emulator or f"qemu-{machine}",), needs=f"{prefix}-g++", one_of=16)


CLANG = next((c for c in ("clang++-19", "clang++") if shutil.which(c)), "clang++-19")
DEFAULT = Variant("x86-64, g++ -O3, as released", built=ROOT / "build/release/tests/golden/norma_golden", every_target=True,
                  threads=(1, 2, 3, 5, 8, 16))
VARIANTS = [
    DEFAULT,
    *(native("g++", level) for level in ("O0", "O1", "O2")),
    *(native(CLANG, level) for level in ("O0", "O1", "O2", "O3")),
    # Compiled for one instruction set throughout, as the stand-in for Highway's compiled part knows but one. f16: VCVTPS2PH of bochs 2.7
    # rounds ties upwards, in AVX2's form as well, where processors round them to even.
    Variant("x86-64 AVX-512 (bochs), without f16", ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS=-march=skylake-avx512",
                                       "-DCMAKE_EXE_LINKER_FLAGS=-static", f"-Dhwy_DIR={HERE}/highway"],
            emulator=(sys.executable, HERE / "bochs.py"), needs="bochs", one_of=64, without="f16"),
    cross("aarch64", "aarch64 NEON (qemu)"),
    cross("s390x", "s390x, big-endian (qemu)", "-DHWY_COMPILE_ONLY_SCALAR"),
    cross("riscv64", "riscv64 (qemu)", "-DHWY_COMPILE_ONLY_SCALAR"),
]


class Impossible(Exception):
    """What this machine cannot do, in a sentence."""


def said(command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise Impossible(f"`{' '.join(map(str, command))[:200]}` ended with {done.returncode}:\n{tail}")
    return done.stdout


def build(variant):
    """The command that runs it."""
    if variant.built:
        return [variant.built]
    if not shutil.which(variant.needs):
        raise Impossible(f"{variant.needs} is not installed")
    if variant.emulator and variant.needs == "bochs" and (reason := bochs.available()):
        raise Impossible(reason)
    if variant.emulator and not shutil.which(variant.emulator[0]):
        raise Impossible(f"{variant.emulator[0]} is not installed")
    folder = OUT / re.sub(r"[^\w+]+", "-", variant.name).strip("-")
    ninja = ["-G", "Ninja", "-DCMAKE_MAKE_PROGRAM=/usr/bin/ninja"] if Path("/usr/bin/ninja").exists() else []
    said([CMAKE, "-S", HERE, "-B", folder, *ninja, *variant.options])
    said([CMAKE, "--build", folder, "-j", JOBS, "--target", "norma_golden"])
    return [*variant.emulator, folder / "norma_golden"]


def build_wasm():
    """With the page's own compiler flags, but as a program."""
    sys.path.insert(0, str(ROOT / "web"))
    import build as web
    node = shutil.which("node") or shutil.which("nodejs")
    if not node:
        raise Impossible("node is not installed")
    if not shutil.which(CLANG):
        raise Impossible(f"{CLANG} is not installed")
    folder = OUT / "wasm"
    (folder / "include").mkdir(parents=True, exist_ok=True)
    if not (folder / "include/hwy").exists():
        (folder / "include/hwy").symlink_to("/usr/include/hwy")
    left_out = {"parallel", "c_api"}  # threads; the C interface, which catches
    sources = [*(f for f in sorted(ROOT.glob("src/**/*.cpp")) if f.stem not in left_out), ROOT / "web/highway.cpp",
               HERE / "cells.cpp", HERE / "golden.cpp", HERE / "wasi.cpp"]
    newest = max(f.stat().st_mtime for f in [*ROOT.glob("include/norma/*"), *ROOT.glob("src/**/*.hpp"), *HERE.glob("*.hpp")])
    objects = []
    for source in sources:
        target = folder / (source.stem + ".o")
        objects.append(target)
        if not target.exists() or target.stat().st_mtime < max(newest, source.stat().st_mtime):
            said([CLANG, *web.FLAGS, f"-I{ROOT}/include", f"-I{ROOT}/src", f"-I{ROOT}/tests", f"-I{HERE}", f"-I{folder}/include",
                  "-c", source, "-o", target])
    program = folder / "golden.wasm"
    said([CLANG, "--target=wasm32-wasi", "-O2", "-Wl,-z,stack-size=1048576", *objects, "-o", program])
    return [node, "--no-warnings", HERE / "run.mjs", program]


def split(text):
    """part → its lines, the comment first. Ahead of the first, a serial line shows what goes to stderr elsewhere."""
    parts, now = {}, []
    for line in text.splitlines():
        if line.startswith("# "):
            now = parts.setdefault(line[2:].split(":")[0], [])
        now.append(line)
    return parts


def kept():
    return {part: (HERE / f"{part}.txt").read_text().splitlines() for part in PARTS if (HERE / f"{part}.txt").exists()}


def keep(parts):
    for part, lines in parts.items():
        bad = [line for line in lines if "NaN" in line or "differs" in line]
        if bad:
            sys.exit(f"golden: not kept, as no contract covers it: {bad[0]} (and {len(bad) - 1} more)")
        (HERE / f"{part}.txt").write_text("\n".join(lines) + "\n")
        print(f"golden: kept tests/golden/{part}.txt, {len(lines) - 1} lines")


def chosen(name, one_of):
    """As Sink::wants() of cells.hpp."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return (value >> 32) % one_of == 0


def compare(parts, expected, variant, one_of):
    """Part → how many hashes are equal, of how many, and the first lines that are not."""
    def hashes_of(lines):
        cells = (line.split(":") for line in lines[1:])
        return {name: hashes.split() for name, hashes in cells if name.split()[1] != variant.without}

    counts, wrong = {}, []
    for part in PARTS:
        ours, theirs = hashes_of(parts.get(part, [])), hashes_of(expected.get(part, []))
        equal = total = 0
        theirs = {name: hashes for name, hashes in theirs.items() if chosen(name, one_of)}
        for name, hashes in theirs.items():
            mine = ours.get(name, [])
            total += len(hashes)
            equal += sum(a == b for a, b in zip(mine, hashes))
            if mine != hashes:
                wrong.append(f"{part}: {name}: {' '.join(mine) or 'nothing'}, kept {' '.join(hashes)}")
        wrong += [f"{part}: {name}: not kept" for name in ours if name not in theirs]
        counts[part] = (equal, total)
    return counts, wrong


def table(rows, reasons):
    lines = ["| build and machine | instruction set | threads | " + " | ".join(PARTS) + " | seconds |", "| --- " * (4 + len(PARTS)) + "|"]
    for name, target, threads, counts, seconds in rows:
        cells = [f"{equal:,} of {total:,}" for equal, total in (counts[part] for part in PARTS)]
        lines.append(f"| {name} | {target} | {threads} | " + " | ".join(cells) + f" | {seconds:.0f} |")
    return lines + [""] * bool(reasons) + [f"- Not run: {name}: {reason.splitlines()[0]}" for name, reason in reasons]


def write_docs(lines):
    page = ROOT / "docs/trust.md"
    begin, end = "<!-- golden: written by ./run golden --docs -->", "<!-- golden: end -->"
    text = page.read_text()
    if begin not in text or end not in text:
        sys.exit(f"golden: {page} has no place for the matrix")
    head, rest = text.split(begin)
    page.write_text(head + begin + "\n" + "\n".join(lines) + "\n" + end + rest.split(end)[1])


def main():
    parser = argparse.ArgumentParser(prog="./run golden", description="compares Norma's bits everywhere with those that are kept")
    parser.add_argument("--keep", action="store_true", help="write the kept hashes anew, from the default build")
    parser.add_argument("--only", metavar="REGEX", default="", help="the variants whose names match")
    parser.add_argument("--one-of", metavar="N", type=int, help="compute one of N cells, wherever it is")
    parser.add_argument("--docs", action="store_true", help="write the matrix into docs/trust.md")
    arguments = parser.parse_args()
    if arguments.keep:
        keep(split(said([*build(DEFAULT), "--threads", "1"])))
    expected = kept()
    if set(expected) != set(PARTS):
        sys.exit("golden: nothing is kept in tests/golden; --keep writes it")
    rows, reasons, failures = [], [], 0

    def row(variant, commands, target, shown, one_of):
        """The fewest equal hashes of all the runs."""
        nonlocal failures
        begin, counts, wrong = time.monotonic(), {}, []
        for command in commands:
            found, different = compare(split(said(command)), expected, variant, one_of)
            counts = {part: min(found[part], counts.get(part, found[part])) for part in PARTS}
            wrong += different
        rows.append((variant.name, target, shown, counts, time.monotonic() - begin))
        print(table(rows[-1:], [])[-1], flush=True)
        failures += bool(wrong)
        for line in wrong[:5]:
            print("    " + line)

    steps = [(v, lambda v=v: build(v)) for v in VARIANTS]
    steps.append((Variant("WebAssembly (node)", threads=(), one_of=4), build_wasm))
    for variant, make in steps:
        if not re.search(arguments.only, variant.name):
            continue
        try:
            command = make()
            targets = said([*command, "--targets"]).split()
            for i, target in enumerate(targets if variant.every_target else targets[:1]):
                threads = variant.threads if i == 0 else variant.threads[:1]
                one_of = arguments.one_of or variant.one_of
                command_of = [*command, "--target", target, "--one-of", one_of]
                commands = [[*command_of, "--threads", t] for t in threads] or [command_of]
                row(variant, commands, target, ", ".join(map(str, threads)) or "–", one_of)
        except Impossible as reason:
            reasons.append((variant.name, str(reason)))
            print(f"golden: not run: {variant.name}: {reason}", flush=True)
    if arguments.docs:
        write_docs(table(rows, reasons))
    print(f"golden: {len(rows)} runs, {failures} with other bits, {len(reasons)} not to be had here")
    sys.exit(1 if failures or not rows else 0)


if __name__ == "__main__":
    main()
