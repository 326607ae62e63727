# SPDX-License-Identifier: Apache-2.0
"""What the benchmark measured, as table, page and picture."""
import itertools
import math

# Column → the peers that it stands for: the faster of them. oneDNN comes in two builds; see requirements.txt.
COLUMNS = {"oneDNN": ("onednn-omp", "onednn-sycl"), "PyTorch": ("torch",), "ONNX Runtime": ("onnxruntime",)}
BEGIN, END = "<!-- written by ./run bench: from here -->", "<!-- written by ./run bench: to here -->"
AHEAD = 1.3  # within L2 Norma is to be ahead of the best peer by as much


def over_copy(cell, column):
    """A column's ratio to the copy, or None."""
    ratios = [cell["peers"][name]["over_copy"] for name in COLUMNS[column] if name in cell["peers"]]
    return min(ratios, default=None)


def figure(value):
    return "–" if value is None else f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def misses(cell):
    """Whether it misses its target."""
    if cell["target_over_copy"] is not None:
        return cell["norma_over_copy"] > cell["target_over_copy"]
    return cell["best_peer_over_copy"] is not None and cell["norma_over_copy"] * AHEAD > cell["best_peer_over_copy"]


def behind(cell):
    return cell["best_peer_over_copy"] is not None and cell["norma_over_copy"] > cell["best_peer_over_copy"]


def geometric_mean(ratios):
    ratios = list(ratios)
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None


def line(cell):
    """One line for people who wait."""
    peers = "  ".join(f"{column} {figure(over_copy(cell, column))}" for column in COLUMNS)
    return (f"{cell['name']} {cell['threads']}t: copy {cell['copy_us']:.4g} µs, norma {figure(cell['norma_over_copy'])}  {peers}"
            + ("  MISSES" if misses(cell) else "") + ("  BEHIND" if behind(cell) else ""))


def rounded(results):
    """With as many digits as a measurement has."""
    def digits(value):
        if isinstance(value, float):
            return float(f"{value:.4g}")
        if isinstance(value, dict):
            return {key: digits(of) for key, of in value.items()}
        return [digits(of) for of in value] if isinstance(value, list) else value
    return digits(results)


def summary(results):
    cells = results["cells"]
    lines = []
    for threads in sorted({c["threads"] for c in cells}):
        some = [c for c in cells if c["threads"] == threads]
        best = [c for c in some if c["best_peer"]]
        parts = [f"{len(some)} cells", f"miss their target: {sum(map(misses, some))}", f"slower than the best peer: {sum(map(behind, best))}"]
        for column in COLUMNS:
            mean = geometric_mean(over_copy(c, column) / c["norma_over_copy"] for c in some if over_copy(c, column))
            parts.append(f"{column}'s time ÷ Norma's, geometric mean: {figure(mean)}")
        parts.append(f"best peer's ÷ Norma's: {figure(geometric_mean(c['best_peer_over_copy'] / c['norma_over_copy'] for c in best))}")
        lines.append(f"{threads} thread{'s' if threads > 1 else ''}: " + "; ".join(parts))
    return "\n".join(lines)


# ---- The page ----

def ulps(errors, which):
    if len(errors) <= which or errors[which] is None:
        return "–"
    return f"{errors[which]:.1f}" if errors[which] < 100 else f"{errors[which]:.0e}".replace("e+0", "e")


def pair(cells, of):
    return " / ".join(of(c) for c in cells)


def table(cells):
    """A row for each cell, its thread counts side by side."""
    threads = " / ".join(str(c["threads"]) for c in cells[0])
    rows = [f"| cell | copy, µs ({threads} thr.) | **Norma** | target | " + " | ".join(COLUMNS) + " | ulps: Norma | best peer |",
            "|" + " --- |" * (6 + len(COLUMNS))]
    for group in cells:
        first = group[0]
        peer = first["peers"].get(first["best_peer"], {}).get("worst_ulp", [])
        target = f"{first['target_over_copy']:.2f}" if first["target_over_copy"] else "peer"
        name = first["name"].removeprefix(first["op"] + " ") + ("".join(sorted({" ▲" for c in group if misses(c)} | {" ▼" for c in group if behind(c)})))
        rows.append("| " + " | ".join([
            name, pair(group, lambda c: f"{c['copy_us']:.3g}"), f"**{pair(group, lambda c: figure(c['norma_over_copy']))}**", target,
            *(pair(group, lambda c, column=column: figure(over_copy(c, column))) for column in COLUMNS),
            f"{ulps(first['worst_ulp'], 0)}, {ulps(first['worst_ulp'], 1)}", f"{ulps(peer, 0)}, {ulps(peer, 1)}"]) + " |")
    return "\n".join(rows)


def page(results):
    cells, machine = results["cells"], results["machine"]
    groups = [list(group) for _, group in itertools.groupby(cells, key=lambda c: c["name"])]
    missing = "".join(f" {name} was left out: {why}." for name, why in results["missing"].items())
    parts = [
        f"Measured on {results['date']} in one run, {len(cells)} cells. **Machine**: "
        + ", ".join(f"{key.replace('_gib', ', GiB')}: {value}" for key, value in machine.items())
        + ". **Versions**: " + ", ".join(results["versions"].values()) + f". Other programs kept {results['others_busy']:.2f} processors busy meanwhile." + missing,
        "![Time as a multiple of a copy of the same bytes](performance.svg)",
        "### In short", "\n".join("- " + one for one in summary(results).split("\n")),
        "### The figures",
        "Times are multiples of the best copy of the same bytes (memcpy, a loop of vectors, non-temporal stores; for two threads also "
        "each on two): forward reads one tensor and writes one, backward reads two and writes one. Where everything fits in L2 the "
        f"target is the best peer: {AHEAD} times as fast as it. ▲ misses its target, ▼ is slower than the best peer. Errors are the largest, in units in "
        "the last place of max(1, |y|), on data of mean 0 and deviation 1, and of mean 10⁴ and deviation 0.1.",
    ]
    for op in dict.fromkeys(c["op"] for c in cells):
        parts += [f"#### {op}", table([g for g in groups if g[0]["op"] == op])]
    missed, slower = [c for c in cells if misses(c)], [c for c in cells if behind(c)]
    parts += [f"### Cells slower than the best peer: {len(slower)}", listing(slower, lambda c: c["best_peer_over_copy"]),
              f"### Cells that miss their target: {len(missed)}",
              listing(missed, lambda c: c["target_over_copy"] or c["best_peer_over_copy"] / AHEAD)]
    return "\n\n".join(parts)


def listing(cells, limit):
    """The worst first."""
    worst = sorted(cells, key=lambda c: limit(c) / c["norma_over_copy"])
    return "\n".join(f"- {c['name']}, {c['threads']} thr.: {figure(c['norma_over_copy'])}, to be {figure(limit(c))}" for c in worst) or "None."


# ---- The picture ----

PANEL_WIDTH, PANEL_HEIGHT, LEFT, TOP, GAP = 560, 190, 60, 50, 50
COLOURS = {"Norma": "#c2410c", "oneDNN": "#2563eb", "PyTorch": "#7c3aed", "ONNX Runtime": "#059669"}
LOW, HIGH = 0.5, 64.0


def picture(results):
    """Cells in the order of Norma's ratio; a panel for each pass and number of threads; logarithmic."""
    passes, threads = ("forward", "inference", "backward"), sorted({c["threads"] for c in results["cells"]})
    width, height = LEFT + len(threads) * (PANEL_WIDTH + GAP), TOP + len(passes) * (PANEL_HEIGHT + GAP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for k, (name, colour) in enumerate(COLOURS.items()):
        out.append(f'<circle cx="{LEFT + 130 * k + 6}" cy="16" r="4" fill="{colour}"/><text x="{LEFT + 130 * k + 16}" y="20">{name}</text>')
    out.append(f'<text x="{LEFT + 540}" y="20">time ÷ copy of the same bytes; each cell a column, by Norma\'s ratio</text>')
    for (row, pass_), (column, count) in itertools.product(enumerate(passes), enumerate(threads)):
        cells = [c for c in results["cells"] if c["pass"] == pass_ and c["threads"] == count]
        out += panel(cells, f"{pass_}, {count} thread{'s' if count > 1 else ''}", LEFT + column * (PANEL_WIDTH + GAP), TOP + row * (PANEL_HEIGHT + GAP))
    return "\n".join([*out, "</svg>"]) + "\n"


def panel(cells, title, left, top):
    def height_of(ratio):
        share = math.log(min(max(ratio, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
        return round(top + PANEL_HEIGHT * (1 - share), 1)

    out = [f'<text x="{left}" y="{top - 6}" font-weight="bold">{title}: {len(cells)} cells</text>']
    for ratio in (0.5, 1, 2, 4, 8, 16, 32, 64):
        label = f"≥{ratio}" if ratio == HIGH else f"≤{ratio}" if ratio == LOW else f"{ratio}"
        y, shade = height_of(ratio), "#111" if ratio == 1 else "#ddd"
        out.append(f'<path d="M{left} {y}h{PANEL_WIDTH}" stroke="{shade}"/><text x="{left - 6}" y="{y + 4}" text-anchor="end">{label}</text>')
    cells = sorted(cells, key=lambda c: c["norma_over_copy"])
    for name, colour in reversed(COLOURS.items()):
        dots = []
        for k, cell in enumerate(cells):
            ratio = cell["norma_over_copy"] if name == "Norma" else over_copy(cell, name)
            if ratio is not None:
                dots.append(f"M{left + PANEL_WIDTH * (k + 0.5) / len(cells):.1f} {height_of(ratio)}h0")
        opacity, size = (1, 4) if name == "Norma" else (0.45, 3.5)
        out.append(f'<path d="{"".join(dots)}" stroke="{colour}" stroke-width="{size}" stroke-linecap="round" opacity="{opacity}"/>')
    return out


def write(results, folder):
    """The picture, and the page's middle; what stands before and behind it is written by hand, and stays."""
    (folder / "performance.svg").write_text(picture(results))
    path = folder / "performance.md"
    kept = path.read_text() if path.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    before, found, rest = kept.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not (found and closed):
        raise SystemExit(f"bench: {path} lacks the lines between which the figures stand: {BEGIN} {END}")
    path.write_text(f"{before}{BEGIN}\n\n{page(results)}\n\n{END}{after}")
