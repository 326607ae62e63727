#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the libFuzzer targets, one after another, and keeps count of what each got over all campaigns.

    campaign.py BUILD [TARGET...] [--seconds N] [--rounds N] [--docs]

BUILD/campaign.json holds the counts since they were last added to docs/trust.md, BUILD/corpus/TARGET what was found worth keeping,
BUILD/findings/TARGET the inputs that ended a target. Each campaign begins where the last one ended. Ends with 1 where there is a
finding: an input that ends its target again. A time that was over because the machine did something else is none.

--docs   adds the counts to the table in docs/trust.md, and begins them anew; with --rounds 0, does that alone"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs/trust.md"
TARGETS = ["npy", "npz", "safetensors", "image", "csv", "statistics", "layer_state", "command", "planner", "geometry"]
# No input of a few KB justifies more memory (deflate makes 1032 bytes of one). Time is that of the clock, on a machine that may be
# busy with something else.
LIMITS = ["-rss_limit_mb=1024", "-malloc_limit_mb=256", "-timeout=300", "-report_slow_units=100"]
LONGEST = {"planner": 512, "geometry": 512, "command": 2048, "csv": 2048, "statistics": 2048}


def own_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ends_again(program, path):
    """Whether an input ends its target once more, by itself."""
    return subprocess.run([program, *LIMITS, path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode != 0


def run(build, target, seconds):
    """One run of one target: its executions, CPU seconds, edges, and the inputs that ended it."""
    corpus, findings = build / "corpus" / target, build / "findings" / target
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    seeds, dictionary = HERE / "seeds" / target, HERE / "dictionaries" / f"{target}.dict"
    before = set(findings.iterdir())
    program = build / "tests/fuzz" / f"fuzz_{target}"
    command = [program, *LIMITS, f"-max_len={LONGEST.get(target, 4096)}", f"-max_total_time={seconds}",
               f"-artifact_prefix={findings}/", "-print_final_stats=1", "-use_value_profile=1"]
    if dictionary.exists():
        command.append(f"-dict={dictionary}")
    if target == "command":
        command.append("-close_fd_mask=2")  # every refusal is a line on standard error
    environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=0", UBSAN_OPTIONS="print_stacktrace=1")
    began, log = own_seconds(), build / f"fuzz-{target}.log"
    with log.open("w") as out:
        subprocess.run([*command, corpus, seeds], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment, check=False)
    text = log.read_text(errors="replace")
    statuses = re.findall(r"^#(\d+)\s.*?cov: (\d+)", text, re.M)
    done = re.search(r"stat::number_of_executed_units: (\d+)", text)
    return {
        "runs": int(done[1]) if done else int(statuses[-1][0]) if statuses else 0,
        "cpu": own_seconds() - began,
        "edges": max((int(cov) for _, cov in statuses), default=0),
        "kept": sum(1 for _ in corpus.iterdir()),
        "found": sorted(str(path) for path in set(findings.iterdir()) - before if ends_again(program, path)),
        "log": str(log),
    }


def add_to_docs(counts):
    """The page's table with the counts added to its own: the sums of all campaigns, wherever they ran."""
    begin, end = "<!-- fuzz: written by ./run fuzz --docs -->", "<!-- fuzz: end -->"
    text = PAGE.read_text()
    if begin not in text or end not in text:
        sys.exit(f"fuzz: {PAGE} has no place for the table")
    head, rest = text.split(begin)
    old, tail = rest.split(end)
    sums = {}
    for row in re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d.]+) \| ([\d,]+) \| ([\d,]+) \| (\d+) \| (\S+) \|$", old, re.M):
        sums[row[0]] = [int(row[1].replace(",", "")), float(row[2]), *(int(n.replace(",", "")) for n in row[3:6]), row[6]]
    for target, new in counts.items():
        runs, minutes, edges, kept, found, _ = sums.get(target, [0, 0.0, 0, 0, 0, ""])
        sums[target] = [runs + new["runs"], minutes + new["cpu"] / 60, max(edges, new["edges"]), max(kept, new["kept"]), found + new["found"], new["last"].split()[0]]
    lines = ["| target | inputs run | CPU minutes | edges reached | inputs worth keeping | findings | last run |", "| --- | --- | --- | --- | --- | --- | --- |"]
    lines += [f"| `{t}` | {r:,} | {m:.1f} | {e:,} | {k:,} | {f} | {last} |" for t in TARGETS if t in sums for r, m, e, k, f, last in [sums[t]]]
    PAGE.write_text(head + begin + "\n" + "\n".join(lines) + "\n" + end + tail)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target and round [60]")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--docs", action="store_true", help="add the counts to docs/trust.md")
    arguments = parser.parse_args()
    for target in arguments.targets:
        if target not in TARGETS:
            parser.error(f"there is no target {target}; {', '.join(TARGETS)} are")
    kept, found = arguments.build / "campaign.json", []
    for _ in range(arguments.rounds):
        for target in arguments.targets or TARGETS:
            if not (arguments.build / "tests/fuzz" / f"fuzz_{target}").exists():
                sys.exit(f"fuzz: {target} is not built")
            got = run(arguments.build, target, arguments.seconds)
            counts = json.loads(kept.read_text()) if kept.exists() else {}
            sums = counts.setdefault(target, {"runs": 0, "cpu": 0.0, "edges": 0, "kept": 0, "found": 0})
            sums["runs"] += got["runs"]
            sums["cpu"] += got["cpu"]
            sums["edges"] = max(sums["edges"], got["edges"])
            sums["kept"] = got["kept"]
            sums["found"] += len(got["found"])
            sums["last"] = time.strftime("%Y-%m-%d %H:%M")
            kept.write_text(json.dumps(counts, indent=1) + "\n")
            print(f"fuzz: {target}: {got['runs']} runs in {got['cpu']:.0f} CPU seconds, {got['edges']} edges; "
                  f"{sums['runs']} runs in {sums['cpu']:.0f} CPU seconds in all", flush=True)
            for path in got["found"]:
                print(f"fuzz: {target}: FOUND {path}; {got['log']} says what", flush=True)
            found += got["found"]
    if arguments.docs:
        add_to_docs(json.loads(kept.read_text()) if kept.exists() else {})
        kept.unlink(missing_ok=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
