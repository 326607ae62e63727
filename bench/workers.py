# SPDX-License-Identifier: Apache-2.0
"""The peers: how each is installed, built and started, in a process of its own."""
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent / "build" / "bench"
PEERS, OMP = BUILD / "peers", BUILD / "onednn-omp"


def say(text):
    print(text, file=sys.stderr, flush=True)


def environment(path, requirements):
    """A venv with what the file asks for, made once; False, and a sentence, where it cannot be."""
    wanted = (HERE / requirements).read_text()
    stamp = path / "installed.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    say(f"bench: installing {requirements} in {path.relative_to(HERE.parent)}; the first time takes a minute")
    shutil.rmtree(path, ignore_errors=True)
    lines = [line for line in wanted.splitlines() if line and not line.startswith("#")]
    try:
        subprocess.run([sys.executable, "-m", "venv", path], check=True, capture_output=True, text=True)
        pip = [path / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*pip, *lines], capture_output=True, text=True).returncode != 0:
            # Some package is not to be had here: each by itself, so that one does not cost the others.
            for line in lines:
                done = subprocess.run([*pip, line], capture_output=True, text=True)
                if done.returncode != 0:
                    say(f"bench: {line} was not installed: {done.stderr.strip().splitlines()[-1]}")
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"bench: no Python environment ({error}); Debian has it in python3-venv")
        return False
    stamp.write_text(wanted)
    return True


def onednn_worker(prefix):
    """Builds oneDNN's side against the library that lies under prefix; None where there is none."""
    if not (prefix / "include" / "dnnl.hpp").exists() or not (prefix / "lib" / "libdnnl.so").exists():
        return None
    worker, sources = prefix / "onednn_worker", [HERE / "onednn_worker.cpp", HERE / "cell.cpp"]
    if worker.exists() and worker.stat().st_mtime > max(f.stat().st_mtime for f in [*sources, HERE / "cell.hpp"]):
        return worker
    # What the library itself needs is found when it starts: through LD_LIBRARY_PATH, see start().
    command = [os.environ.get("CXX", "c++"), "-std=c++20", "-O2", f"-I{prefix}/include", *sources, f"-L{prefix}/lib", "-ldnnl",
               f"-Wl,-rpath,{prefix}/lib", "-Wl,--unresolved-symbols=ignore-in-shared-libs", "-o", worker]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        say(f"bench: oneDNN's side was not built: {done.stderr.strip()[-500:]}")
        return None
    return worker


class Refused(Exception):
    """What a worker cannot do, in its words."""


class Worker:
    def __init__(self, command, threads, pinned=False, **more):
        # Threads by every peer's own name for them. glibc keeps freed pages, where it would give them back after each call.
        variables = {"OMP_NUM_THREADS": str(threads), "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
                     "MALLOC_TOP_PAD_": str(64 << 20), **more}
        processors = sorted(os.sched_getaffinity(0))[:threads]
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, **variables},
            preexec_fn=(lambda: os.sched_setaffinity(0, processors)) if pinned else None)
        self.name = self.answer()

    def answer(self):
        while line := self.process.stdout.readline():
            kind, _, rest = line.strip().partition(" ")
            if kind == "ok":
                return rest
            if kind == "no":
                raise Refused(rest)
        raise Refused("the worker ended")  # what else a library prints is no answer

    def ask(self, *words):
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise Refused("the worker ended") from error
        return self.answer()

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def start(norma_worker, threads):
    """All peers that there are: name → worker, norma's first; and the names of the others with the reason."""
    started, missing = {}, {}

    def add(name, command, **more):
        try:
            started[name] = Worker(command, threads, **more)
        except (OSError, Refused) as error:
            missing[name] = str(error)

    add("norma", [norma_worker])
    if "norma" not in started:
        raise SystemExit(f"bench: {norma_worker} does not start: {missing['norma']}")
    have_peers, have_omp = environment(PEERS, "requirements.txt"), environment(OMP, "requirements-onednn-omp.txt")
    if omp := onednn_worker(OMP) if have_omp else None:
        add("onednn-omp", [omp])
    else:
        missing["onednn-omp"] = "not installed"
    if sycl := onednn_worker(PEERS) if have_peers else None:
        # It takes as many threads as it has processors.
        add("onednn-sycl", [sycl], pinned=True, LD_LIBRARY_PATH=f"{PEERS}/lib", OCL_ICD_FILENAMES=f"{PEERS}/lib/libintelocl.so")
    else:
        missing["onednn-sycl"] = "not installed"
    for name in ("torch", "onnxruntime"):
        if have_peers:
            add(name, [PEERS / "bin" / "python", HERE / "peers.py", name, threads])
        else:
            missing[name] = "not installed"
    return started, missing
