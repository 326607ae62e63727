#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the tests: breaks one line of a copy of the sources, builds, runs the test that guards it, and expects it to fail.
./run mutants calls it.

    mutants.py [--docs] [NAME...]      NAME: a patch of this folder, without .patch; all, where none is named

A patch begins with two lines: which promise it breaks, and what is to see it: a program and which of its tests (GoogleTest's
filter); or what is built and "ctest:" with the name of a test; or a program and "builds", where it must not compile. Every test is
first seen to pass on the sources as they are. A mutant that survives, does not apply or does not compile ends with status 1.
The copy lies in build/mutants; nothing is changed outside of it.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COPY, BUILD = ROOT / "build/mutants/source", ROOT / "build/mutants/build"
CMAKE = os.environ.get("CMAKE", "cmake")
JOBS = os.environ.get("NORMA_JOBS", "2")
LIMIT = 300  # seconds for a test; a pool that waits for itself would wait for ever
# Two instruction sets are enough to differ, and compile in a third of the time.
FLAGS = "-O1 -DHWY_DISABLED_TARGETS='(HWY_SSSE3|HWY_AVX3|HWY_AVX3_DL)'"


def run(command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)


class Mutant:
    def __init__(self, path):
        self.name, self.path, text = path.stem, path, path.read_text()
        head = re.match(r"Promise: (?P<promise>.+)\nTest: (?P<program>\w+) (?P<filter>\S+)\n\n", text)
        files = re.findall(r"^\+\+\+ b/(\S+)$", text, re.M)
        changed = re.findall(r"^[-+](?![-+])", text, re.M)
        if not head or len(files) != 1 or changed != ["-", "+"]:
            sys.exit(f"mutants: {path.name} is no patch of one line under a 'Promise:' and a 'Test:' line")
        self.promise, self.program, self.filter = head["promise"], head["program"], head["filter"]
        self.file = files[0]

    def mutate(self):
        done = run(["patch", "-p1", "--no-backup-if-mismatch", "-d", COPY, "-i", self.path])
        return "" if done.returncode == 0 else f"{self.file} has changed, and it does not apply; write it anew"

    def restore(self):
        shutil.copyfile(ROOT / self.file, COPY / self.file)
        for rest in (COPY / self.file).parent.glob("*.rej"):
            rest.unlink()


def copy_sources():
    """Only what differs, so that little is built anew."""
    listed = run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]).stdout.split("\0")
    wanted = {name for name in listed if name and (ROOT / name).is_file()}
    for name in wanted:
        source, target = ROOT / name, COPY / name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for path in [p for p in COPY.rglob("*") if p.is_file()]:
        if str(path.relative_to(COPY)) not in wanted:
            path.unlink()


def build(*programs):
    return run([CMAKE, "--build", BUILD, "-j", JOBS, "--target", *programs])


def program_of(name):
    found = [path for path in (BUILD / "tests").rglob(name) if path.is_file()]
    return found[0] if found else sys.exit(f"mutants: nothing that was built is called {name}")


def test(program, only):
    """Whether it passed, and the first failure's name."""
    if only == "builds":
        return True, ""
    if only.startswith("ctest:"):
        name = only.removeprefix("ctest:")
        done = run([re.sub("cmake$", "ctest", CMAKE), "--test-dir", BUILD, "-R", f"^{re.escape(name)}$", "--no-tests=error", "--timeout", LIMIT])
        return done.returncode == 0, name
    try:
        done = run([program_of(program), f"--gtest_filter={only}", "--gtest_brief=1"], timeout=LIMIT, cwd=BUILD)
    except subprocess.TimeoutExpired:
        return False, f"{only} (did not end)"
    if "filter" in done.stderr + done.stdout and re.search(r"Running 0 tests|\b0 tests? from", done.stdout):
        sys.exit(f"mutants: {program} has no test {only}")
    failed = re.findall(r"^\[  FAILED  \] ([\w./]+)", done.stdout, re.M)
    return done.returncode == 0, failed[0] if failed else f"{only} (ended with {done.returncode})" if done.returncode else ""


def hunt(mutant):
    """Why it was not caught, or "", and the test that failed."""
    try:
        if reason := mutant.mutate():
            return reason, ""
        done = build(mutant.program)
        if mutant.filter == "builds":
            return ("it survived" if done.returncode == 0 else ""), "does not compile: " + " ".join(re.findall(r"error: (.*)", done.stdout)[:1])
        if done.returncode != 0:
            return "it does not compile: " + " ".join(re.findall(r"error: .*", done.stdout)[:1]), ""
        passed, name = test(mutant.program, mutant.filter)
        return ("it survived" if passed else ""), name
    finally:
        mutant.restore()


def write_docs(rows):
    page = ROOT / "docs/trust.md"
    begin, end = "<!-- mutants: written by ./run mutants --docs -->", "<!-- mutants: end -->"
    text = page.read_text()
    if begin not in text or end not in text:
        sys.exit(f"mutants: {page} has no place for the list")
    head, rest = text.split(begin)
    page.write_text("\n".join([head + begin, "| promise | mutant | the test that saw it |", "| --- | --- | --- |", *rows, end]) + rest.split(end)[1])


def main():
    parser = argparse.ArgumentParser(prog="./run mutants", description="breaks a line, and expects a test to fail")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all, where none is named")
    parser.add_argument("--docs", action="store_true", help="write the list into docs/trust.md")
    arguments = parser.parse_args()
    # Patches of one file together, and headers last: what they change is built anew twice.
    mutants = sorted((Mutant(path) for path in HERE.glob("*.patch")), key=lambda m: (m.file.endswith(".hpp"), m.file, m.name))
    if unknown := set(arguments.names) - {m.name for m in mutants}:
        sys.exit(f"mutants: there is no {', '.join(sorted(unknown))}; there are {', '.join(sorted(m.name for m in mutants))}")
    mutants = [m for m in mutants if not arguments.names or m.name in arguments.names]
    copy_sources()
    programs = sorted({m.program for m in mutants})
    ninja = ["-G", "Ninja", "-DCMAKE_MAKE_PROGRAM=/usr/bin/ninja"] if Path("/usr/bin/ninja").exists() else []
    done = run([CMAKE, "-S", COPY, "-B", BUILD, *ninja, "-DCMAKE_BUILD_TYPE=None", f"-DCMAKE_CXX_FLAGS={FLAGS}"])
    if done.returncode == 0:
        done = build(*programs)
    if done.returncode != 0:
        sys.exit("mutants: the sources as they are do not build:\n" + (done.stdout + done.stderr)[-3000:])
    for program in programs:
        filters = dict.fromkeys(m.filter for m in mutants if m.program == program)
        plain = [only for only in filters if only != "builds" and not only.startswith("ctest:")]
        for only in [*(only for only in filters if only not in plain), *([":".join(plain)] if plain else [])]:
            passed, name = test(program, only)
            if not passed:
                sys.exit(f"mutants: {program} fails without any mutant: {name}")
    print(f"mutants: {len(mutants)} to catch; their tests pass without them", flush=True)
    rows, survivors = [], 0
    for mutant in mutants:
        start = time.monotonic()
        reason, name = hunt(mutant)
        survivors += bool(reason)
        print(f"  {'SURVIVED' if reason else 'caught'}  {mutant.name}: {reason or name}, {time.monotonic() - start:.0f} s", flush=True)
        rows.append((mutant.promise, f"| {mutant.promise} | [{mutant.name}](../tests/mutants/{mutant.name}.patch) | `{mutant.program}` {reason or name} |"))
    if arguments.docs:
        write_docs([row for _, row in sorted(rows)])
    print(f"mutants: {len(mutants) - survivors} caught, {survivors} not")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
