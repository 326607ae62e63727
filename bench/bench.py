#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Norma beside oneDNN, PyTorch, ONNX Runtime and a copy of the same bytes, in one run.

Each cell of the grid (grid.py) is measured in rounds of a few milliseconds that go around among the peers, so that a
machine that slows down slows all alike; what counts is the median of a peer's rounds. Each result's error, against the
definition in long double, stands beside its time.
"""
import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import grid
import report
import workers

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEPT = ROOT / "docs" / "performance.json"
COPIES = ("memcpy", "loop", "stream")
ROUNDS, ROUND_NS, SLOW_NS = 5, 6e6, 1e8
WORSE = 1.15  # of the ratio to the copy, for --check
QUIET = 0.1   # processors that other programs may keep busy


def machine():
    def field(name):
        found = re.search(rf"^{name}:\s*(.*)$", lscpu, re.M)
        return found[1].strip() if found else "unknown"

    lscpu = subprocess.run(["lscpu"], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "processor": f"{field('Model name')} (family {field('CPU family')}, model {field('Model')})",
        "processors": len(os.sched_getaffinity(0)),
        **{name: field(f"{name} cache") for name in ("L1d", "L2", "L3")},
        "hypervisor": field("Hypervisor vendor"),
        "memory_gib": round(int(memory[1]) / 2**20),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "compiler": subprocess.run([os.environ.get("CXX", "c++"), "--version"], capture_output=True, text=True).stdout.split("\n")[0],
    }


def l2_bytes():
    for index in pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if (index / "level").read_text().strip() == "2":
            return int((index / "size").read_text().strip().rstrip("K")) << 10
    return 1 << 20


def processor_seconds(pids):
    """What these processes have used."""
    used = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / os.sysconf("SC_CLK_TCK")


def all_seconds():
    """What everybody has used; and what a hypervisor took away."""
    user, nice, system, _, _, irq, softirq, steal = map(int, pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def rounds_of(works):
    """Times in ns of {name: (worker, what)}: a list a name, from rounds in turn."""
    times, plan = {}, {}
    for name, (worker, what) in works.items():
        once = float(worker.ask("run", what, 1))
        rounds = ROUNDS if once < SLOW_NS / 4 else 3 if once < SLOW_NS else 0
        plan[name] = rounds, max(1, int(ROUND_NS / once))
        times[name] = [] if rounds else [once]
    order = random.Random(1)
    for k in range(ROUNDS):
        names = [name for name in works if plan[name][0] > k]
        order.shuffle(names)
        for name in names:
            # The peers' threads spin for a while after their work; let them lie down before another's is timed.
            time.sleep(0.005)
            worker, what = works[name]
            times[name].append(float(worker.ask("run", what, plan[name][1])))
    return times


def errors_of(cell, peers, data):
    """name → [error on data of mean 0 and deviation 1, error at 10⁴ and 0.1], in ulps, on fewer samples."""
    errors = {}
    for hard in (0, 1) if grid.BYTES[cell.dtype] > 2 else (0,):
        line = f"{cell.small().line()} threads=1 hard={hard} data={data}"
        for name, worker in peers.items():
            try:
                worker.ask("prepare", line)
                worker.ask("save", f"{data}/result")
                errors.setdefault(name, []).append(float(peers["norma"].ask("error", f"{data}/result")))
            except workers.Refused:
                pass
    return errors


def measure(cell, threads, peers, data, errors, l2):
    line = f"{cell.line()} threads={threads} data={data}"
    works = {}
    for name, worker in peers.items():
        try:
            worker.ask("prepare", line)
            works[name] = worker, name
        except workers.Refused as error:
            if name == "norma":
                raise SystemExit(f"bench: Norma refuses {cell.name()}: {error}") from error
    ways = [way for way in COPIES if way != "memcpy" or cell.pass_ != "backward"]
    for way in [*ways, *(f"{way}-{threads}" for way in ways if threads > 1)]:
        works[way] = peers["norma"], way
    times = rounds_of(works)

    def microseconds(name):
        return statistics.median(times[name]) / 1e3

    copy_way = min((name for name in times if name not in peers), key=microseconds)
    copy = microseconds(copy_way)
    beside = {}
    for name in times:
        if name in peers and name != "norma":
            beside[name] = {"us": microseconds(name), "over_copy": microseconds(name) / copy, "worst_ulp": errors.get(name, [])}
    best = min(beside, key=lambda name: beside[name]["us"], default=None)
    low, _, high = statistics.quantiles(times["norma"], n=4) if len(times["norma"]) > 1 else times["norma"] * 3
    return {
        "op": cell.op, "shape": "x".join(map(str, cell.shape)), "layout": cell.layout, "dtype": cell.dtype, "pass": cell.pass_,
        "threads": threads, "name": cell.name(), "quick": cell.quick, "bytes": cell.moved,
        "norma_us": microseconds("norma"), "norma_us_spread": [min(times["norma"]) / 1e3, low / 1e3, high / 1e3],
        "copy_us": copy, "copy": copy_way, "norma_over_copy": microseconds("norma") / copy,
        "best_peer": best, "best_peer_over_copy": best and beside[best]["over_copy"],
        "target_over_copy": cell.target(l2), "worst_ulp": errors.get("norma", []), "peers": beside,
    }


def run(cells, norma_worker, thread_counts):
    """Measures the cells: what performance.json holds."""
    sets, versions, missing = {}, {}, {}
    for threads in thread_counts:
        sets[threads], missing = workers.start(norma_worker, threads)
        versions = {name: worker.name for name, worker in sets[threads].items()}
    for name, why in missing.items():
        workers.say(f"bench: {name} is left out: {why}")
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    data = tempfile.mkdtemp(prefix="norma-bench-", dir=shared)
    measured, known, begin = [], {}, time.time()
    own = [os.getpid(), *(worker.process.pid for peers in sets.values() for worker in peers.values())]
    others = all_seconds() - processor_seconds(own)
    try:
        for k, cell in enumerate(cells):
            key = cell.small()
            if key not in known:
                known[key] = errors_of(cell, sets[thread_counts[0]], data)
            for threads in thread_counts:
                measured.append(measure(cell, threads, sets[threads], data, known[key], l2_bytes()))
                workers.say(f"{k + 1}/{len(cells)} {time.time() - begin:.0f} s  {report.line(measured[-1])}")
        others = (all_seconds() - processor_seconds(own) - others) / (time.time() - begin)
        if others > QUIET:
            workers.say(f"bench: other programs kept {others:.2f} processors busy meanwhile; these figures are not to be trusted")
    finally:
        shutil.rmtree(data, ignore_errors=True)
        for peers in sets.values():
            for worker in peers.values():
                worker.close()
    return {"machine": machine(), "date": datetime.date.today().isoformat(), "versions": versions, "missing": missing,
            "others_busy": others, "cells": measured}


def check(results, again):
    """Says which cell's ratio to the copy is worse than the kept one by more than 15 %, twice over; the exit status."""
    kept = {(c["name"], c["threads"]): c["norma_over_copy"] for c in json.loads(KEPT.read_text())["cells"]}

    def worse(cells):
        return [c for c in cells if c["norma_over_copy"] > WORSE * kept.get((c["name"], c["threads"]), math.inf)]

    suspects = worse(results["cells"])
    if suspects:  # once more: a neighbour's burst is no regression
        names = {c["name"] for c in suspects}
        threads = {(c["name"], c["threads"]) for c in suspects}
        suspects = [c for c in worse(again(names)["cells"]) if (c["name"], c["threads"]) in threads]
    compared = sum((c["name"], c["threads"]) in kept for c in results["cells"])
    for c in suspects:
        print(f"worse: {c['name']}, {c['threads']} thread(s): {c['norma_over_copy']:.2f} × copy; kept: {kept[c['name'], c['threads']]:.2f}")
    print(f"bench: {compared} cells compared with docs/performance.json, {len(suspects)} worse by more than 15 %")
    return 1 if suspects or compared == 0 else 0


def main():
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__.split("\n")[0], epilog=
                                     "A whole run writes docs/performance.json, .svg and .md; any other prints, and writes build/bench/performance.json.")
    parser.add_argument("--quick", action="store_true", help="only the shapes by which the goals were set")
    parser.add_argument("--filter", metavar="REGEX", default="", help="only cells whose name this finds, as 'batch_norm.*NHWC'")
    parser.add_argument("--threads", metavar="N,…", default=None, help="default: 1,2, as far as there are processors")
    parser.add_argument("--list", action="store_true", help="print the cells' names and end")
    parser.add_argument("--check", action="store_true", help="compare with docs/performance.json: exit status 1 if a cell got worse")
    parser.add_argument("--render", action="store_true", help="write the picture and the page from docs/performance.json anew")
    parser.add_argument("--worker", default=ROOT / "build/release/bench/norma_worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # … so that what was begun is cleared away
    if args.render:
        return report.write(json.loads(KEPT.read_text()), ROOT / "docs")
    if args.check and not KEPT.exists():
        parser.error("there is no docs/performance.json to compare with; a whole run writes it")
    cells = [c for c in grid.grid() if (c.quick or not args.quick) and re.search(args.filter, c.name())]
    if not cells:
        parser.error(f"no cell's name matches '{args.filter}'; --list shows them")
    if args.list:
        return print("\n".join(c.name() for c in cells))
    threads = [int(n) for n in args.threads.split(",")] if args.threads else [n for n in (1, 2) if n <= len(os.sched_getaffinity(0))]
    results = run(cells, args.worker, threads)
    whole = not (args.quick or args.filter or args.threads or args.check)
    target = KEPT if whole else workers.BUILD / "performance.json"
    target.write_text(json.dumps(report.rounded(results), ensure_ascii=False, indent=1) + "\n")
    if args.check:
        return check(results, lambda names: run([c for c in cells if c.name() in names], args.worker, threads))
    if whole:
        report.write(results, ROOT / "docs")
    print(report.summary(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
