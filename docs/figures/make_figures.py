#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the figures of README and docs/normalizations/: make_figures.py writes the SVG files beside itself.

A block is a tensor: samples go backwards, the other two axes to the right and downwards. Strong lines part distributions;
one of them is coloured. The figures have a background of their own and follow the reader's colour scheme, so that they are
legible on light and dark pages. Python alone is needed.
"""

import csv
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent.parent / "data" / "incomes-2015-gapminder.csv"

CELL, DEPTH_X, DEPTH_Y = 19, 11, 8.5

STYLE = """
  text { font-family: system-ui, -apple-system, "Segoe UI", "Liberation Sans", "PingFang SC", "Noto Sans CJK SC",
         "WenQuanYi Micro Hei", sans-serif; fill: #1f2933; }
  .card { fill: #fbfcfd; stroke: #d5dbe1; }
  .title { font-size: 19px; font-weight: 600; } .name { font-size: 15px; font-weight: 600; }
  .say { font-size: 13px; } .faint, .axis { fill: #66727f; } .faint { font-size: 13px; } .axis { font-size: 12px; }
  .formula { font-size: 15px; font-family: "DejaVu Serif", Georgia, "Times New Roman", serif; font-style: italic; }
  .cell { stroke-width: .6; stroke: #ffffff; stroke-opacity: .75; stroke-linejoin: round; }
  .front { fill: #dde4eb; } .top { fill: #edf1f5; } .side { fill: #c5ced8; }
  .front.on { fill: #f28c28; } .top.on { fill: #ffb566; } .side.on { fill: #cf6f14; }
  .off { fill: #fbfcfd; stroke: #aab4bf; stroke-opacity: 1; stroke-dasharray: 2 2; }
  .part { stroke: #6b7885; stroke-width: 1.5; stroke-linecap: round; }
  .row { fill: #e6ebf0; } .row.on { fill: #f28c28; } .row.on + text, .dark { fill: #2b1600; }
  .rule { stroke: #d5dbe1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6ebf0; } .card { fill: #12181f; stroke: #333d48; } .faint, .axis { fill: #97a3b0; }
    .cell { stroke: #12181f; stroke-opacity: .7; }
    .front { fill: #35414d; } .top { fill: #465463; } .side { fill: #28323c; }
    .front.on { fill: #f28c28; } .top.on { fill: #ffb566; } .side.on { fill: #c4690f; }
    .off { fill: #12181f; stroke: #5b6875; } .part { stroke: #a3afbb; }
    .row { fill: #2b353f; } .row.on { fill: #f28c28; } .dark { fill: #2b1600; } .rule { stroke: #333d48; }
  }
"""


class Block:
    """A tensor of `deep` samples, each `wide` x `high` cells. member(n, w, h) is a distribution's number, None for none."""

    def __init__(self, deep, wide, high, member, marked, axes):
        self.deep, self.wide, self.high, self.member, self.marked, self.axes = deep, wide, high, member, marked, axes

    def size(self):
        return self.wide * CELL + self.deep * DEPTH_X, self.high * CELL + self.deep * DEPTH_Y

    def faces(self):
        """(kind, the cell's corners, its element, the neighbours across each of the four sides, None beyond the block)."""
        def corner(w, h, n):
            return w * CELL + n * DEPTH_X, self.deep * DEPTH_Y + h * CELL - n * DEPTH_Y

        for w in range(self.wide):
            for h in range(self.high):
                yield ("front", [corner(w, h, 0), corner(w + 1, h, 0), corner(w + 1, h + 1, 0), corner(w, h + 1, 0)],
                       (0, w, h), [(0, w, h - 1), (0, w + 1, h), (0, w, h + 1), (0, w - 1, h)])
        for w in range(self.wide):
            for n in range(self.deep):
                yield ("top", [corner(w, 0, n + 1), corner(w + 1, 0, n + 1), corner(w + 1, 0, n), corner(w, 0, n)],
                       (n, w, 0), [(n + 1, w, 0), (n, w + 1, 0), (n - 1, w, 0), (n, w - 1, 0)])
        last = self.wide - 1
        for h in range(self.high):
            for n in range(self.deep):
                yield ("side", [corner(self.wide, h, n), corner(self.wide, h, n + 1), corner(self.wide, h + 1, n + 1),
                                corner(self.wide, h + 1, n)],
                       (n, last, h), [(n, last, h - 1), (n + 1, last, h), (n, last, h + 1), (n - 1, last, h)])

    def inside(self, element):
        n, w, h = element
        return 0 <= n < self.deep and 0 <= w < self.wide and 0 <= h < self.high

    def svg(self, x, y):
        cells, parts = [], []
        for kind, corners, element, neighbours in self.faces():
            number = self.member(*element)
            state = " off" if number is None else " on" if number == self.marked else ""
            points = " ".join(f"{px:g},{py:g}" for px, py in corners)
            cells.append(f'<polygon class="cell {kind}{state}" points="{points}"/>')
            for k, neighbour in enumerate(neighbours):
                if not self.inside(neighbour) or self.member(*neighbour) != number:
                    (x1, y1), (x2, y2) = corners[k], corners[(k + 1) % 4]
                    parts.append(f"M{x1:g} {y1:g}L{x2:g} {y2:g}")
        width, height = self.wide * CELL, self.deep * DEPTH_Y + self.high * CELL
        across, down, back = self.axes
        labels = [
            f'<text class="axis" text-anchor="middle" x="{width / 2:g}" y="{height + 16:g}">{across}</text>',
            f'<text class="axis" text-anchor="end" x="-7" y="{(self.deep * DEPTH_Y + height) / 2 + 4:g}">{down}</text>',
            f'<text class="axis" x="{width + self.deep * DEPTH_X / 2 + 9:g}" y="{height - self.deep * DEPTH_Y / 2 + 9:g}">{back}</text>',
        ]
        unique = "".join(dict.fromkeys(parts))
        return (f'<g transform="translate({x:g} {y:g})">' + "".join(cells) + f'<path class="part" fill="none" d="{unique}"/>' +
                "".join(labels) + "</g>")


class Table:
    """Rows with a key, those of one key marked."""

    ROW, WIDTH = 21, 172

    def __init__(self, rows, marked):
        self.rows, self.marked = rows, marked

    def size(self):
        return self.WIDTH, self.ROW * len(self.rows)

    def svg(self, x, y):
        out = [f'<g transform="translate({x:g} {y:g})">']
        for k, (country, key, income) in enumerate(self.rows):
            top, on = k * self.ROW, key == self.marked
            out.append(f'<rect class="row{" on" if on else ""}" x="0" y="{top}" width="{self.WIDTH}" height="{self.ROW - 2}" rx="3"/>')
            ink = "say dark" if on else "say"
            out.append(f'<text class="{ink}" x="8" y="{top + 14}">{country}</text>')
            out.append(f'<text class="{ink}" x="{self.WIDTH - 8}" y="{top + 14}" text-anchor="end">{income:,}</text>')
        return "".join(out) + "</g>"


def incomes(countries):
    with open(DATA, encoding="utf-8") as file:
        table = {row["country"]: row for row in csv.DictReader(file)}
    return [(shown, table[name]["region"], round(float(table[name]["income"]))) for name, shown in countries]


# The samples of a batch, the channels and the positions of an image; the words and numbers of a sentence.
N, C, S, L, D = 4, 4, 4, 5, 6
LENGTHS = [3, 5, 4, 2]


def panels(zh):
    image = ("C", "H·W", "N")
    text = ("D", "L", "N")

    def pick(en, cn):
        return cn if zh else en

    rows = incomes([("Japan", pick("Japan", "日本")), ("India", pick("India", "印度")), ("China", pick("China", "中国")),
                    ("Nepal", pick("Nepal", "尼泊尔")), ("Pakistan", pick("Pakistan", "巴基斯坦")),
                    ("Indonesia", pick("Indonesia", "印度尼西亚"))])
    return {
        "batch_norm": (Block(N, C, S, lambda n, c, s: c, 1, image), "BatchNorm",
                       pick("one channel, all samples", "一个通道，所有样本"), pick("C distributions", "C 个分布")),
        "layer_norm_sample": (Block(N, C, S, lambda n, c, s: n, 0, image), pick("LayerNorm, per sample", "LayerNorm，按样本"),
                              pick("one sample, all channels", "一个样本，所有通道"), pick("N distributions", "N 个分布")),
        "group_norm": (Block(N, C, S, lambda n, c, s: (n, c // 2), (0, 0), image), "GroupNorm",
                       pick("some channels of one sample", "一个样本的几个通道"), pick("N·G distributions", "N·G 个分布")),
        "instance_norm": (Block(N, C, S, lambda n, c, s: (n, c), (0, 1), image), "InstanceNorm",
                          pick("one channel of one sample", "一个样本的一个通道"), pick("N·C distributions", "N·C 个分布")),
        "layer_norm": (Block(N, D, L, lambda n, d, l: n, 0, text), pick("LayerNorm, per sentence", "LayerNorm，按句子"),
                       pick("all words of one sentence", "一句话的所有词"), pick("N distributions", "N 个分布")),
        "layer_norm_token": (Block(N, D, L, lambda n, d, l: (n, l), (0, 1), text), pick("LayerNorm, per word", "LayerNorm，按词"),
                             pick("one word; RMSNorm too", "一个词；RMSNorm 亦然"), pick("N·L distributions", "N·L 个分布")),
        "padding": (Block(N, D, L, lambda n, d, l: n if l < LENGTHS[n] else None, 0, text),
                    pick("LayerNorm, with lengths", "LayerNorm，给出长度"), pick("the real words of one sentence", "一句话里真实的词"),
                    pick("padding belongs to none", "填充不属于任何分布")),
        "standardize": (Table(rows, "south_asia"), pick("standardize, by region", "标准化，按地区"),
                        pick("the rows that share a key", "键相同的各行"), pick("as many as there are keys", "有几个键就有几个分布")),
    }


def panel(drawing, name, what, how_many, left, top, width, block_height):
    wide, high = drawing.size()
    middle = left + width / 2
    out = drawing.svg(middle - wide / 2, top + (block_height - high) / 2)
    at = top + block_height + 42
    for css, words in (("name", name), ("say", what), ("faint", how_many)):
        out += f'<text class="{css}" text-anchor="middle" x="{middle:g}" y="{at:g}">{words}</text>'
        at += 19
    return out


def document(width, height, body, alt):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img">'
            f"\n<!-- SPDX-License-Identifier: Apache-2.0; made by make_figures.py -->\n<title>{alt}</title>\n<style>{STYLE}</style>\n"
            f'<rect class="card" x=".5" y=".5" width="{width - 1:g}" height="{height - 1:g}" rx="10"/>\n{body}\n</svg>\n')


def one_idea(zh):
    all_panels = panels(zh)
    rows = [["batch_norm", "layer_norm_sample", "group_norm", "instance_norm"],
            ["layer_norm", "layer_norm_token", "padding", "standardize"]]
    width, column, block = 940, 225, 138
    title = "归一化只说明一件事：哪些元素构成一个分布。" if zh else "A normalization says which elements form one distribution."
    after = "其余的对所有归一化都一样：" if zh else "The rest is the same for all of them:"
    body = [f'<text class="title" x="{width / 2}" y="38" text-anchor="middle">{title}</text>']
    top = 66
    for names in rows:
        for k, name in enumerate(names):
            body.append(panel(*all_panels[name], 20 + k * column, top, column, block))
        top += block + 116
    body.append(f'<path class="rule" d="M40 {top - 12}H{width - 40}"/>')
    body.append(f'<text x="{width / 2}" y="{top + 18}" text-anchor="middle"><tspan class="say">{after}</tspan>'
                f'<tspan class="formula" dx="14">y = (x − mean) · rstd · weight + bias</tspan></text>')
    return document(width, top + 38, "\n".join(body), title)


def single(names, zh=False):
    all_panels = panels(zh)
    column, block = 235, 138
    width = column * len(names) + 30
    body = [panel(*all_panels[name], 15 + k * column, 24, column, block) for k, name in enumerate(names)]
    return document(width, 24 + block + 104, "\n".join(body), "; ".join(f"{all_panels[n][1]}: {all_panels[n][2]}" for n in names))


def main():
    figures = {
        "one-idea.svg": one_idea(False),
        "one-idea.zh-CN.svg": one_idea(True),
        "batch_norm.svg": single(["batch_norm"]),
        "layer_norm.svg": single(["layer_norm_token", "layer_norm", "padding"]),
        "group_norm.svg": single(["layer_norm_sample", "group_norm", "instance_norm"]),
        "instance_norm.svg": single(["instance_norm"]),
        "rms_norm.svg": single(["layer_norm_token"]),
        "standardize.svg": single(["standardize"]),
    }
    for name, text in figures.items():
        (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
