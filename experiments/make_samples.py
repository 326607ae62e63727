#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the samples in data/ from packages that Debian ships, or checks them against those packages.

    experiments/make_samples.py            write the samples whose sources are installed
    experiments/make_samples.py --check    write nothing; exit 1 unless every sample is what its source gives

The same sources give the same bytes on every machine: integers stay integers, tables are copied as text, and the
model's outputs, computed in float64, are rounded to multiples of 2^-16, far coarser than what processors differ by.
What each file holds, where it comes from and its licence: data/README.md.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib
import io
import json
import os
import re
import struct
import sys
from pathlib import Path
from typing import Callable, NamedTuple

try:
    import numpy as np
except ImportError:  # reported for the samples that need it, by lacking()
    np = None

DATA = Path(__file__).resolve().parent.parent / "data"


# ---- Incomes: one row for each country that has a figure ----------------------------------------------------------

WORLD_COLUMNS = {  # ours: the source's
    "country": "name_long",
    "iso": "iso_a2",
    "region_un": "region_un",
    "subregion": "subregion",
    "population": "pop",
    "life_expectancy": "lifeExp",
    "gdp_per_person": "gdpPercap",
}


def make_world(source: Path) -> dict[str, bytes]:
    """The countries that have a GDP figure, sorted by name; every value is the source's own text."""
    csv.field_size_limit(1 << 24)  # the source's first column holds whole borders
    with source.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["gdpPercap"]]
    rows.sort(key=lambda row: row["name_long"])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(WORLD_COLUMNS)
    writer.writerows([row[name] for name in WORLD_COLUMNS.values()] for row in rows)
    return {"world-2014-worldbank.csv": out.getvalue().encode()}


# ---- Images: four photographs of 32 x 32 pixels --------------------------------------------------------------------

PHOTOS = ("chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png")
SIDE = 32


def make_photos(source: Path) -> dict[str, bytes]:
    """The middle square of each photograph, averaged down to SIDE x SIDE: uint8 [image, row, column, RGB]."""
    photos = np.stack([shrink(middle_square(decode(source / name))) for name in PHOTOS])
    return {"photos.npy": npy(photos)}


def decode(path: Path) -> np.ndarray:
    """The image's pixels: uint8 [row, column, RGB]."""
    image = importlib.import_module("PIL.Image").open(path)
    return np.asarray(image.convert("RGB"))


def middle_square(pixels: np.ndarray) -> np.ndarray:
    """The largest square around the middle (half a pixel up or left of it where the margin is odd)."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


def shrink(pixels: np.ndarray) -> np.ndarray:
    """Averages each of SIDE x SIDE equal areas; pixels on a border count by the part inside.

    Exact: overlaps are counted in SIDE-ths of a pixel, sums are integers, the quotient rounds half up.
    """
    side = len(pixels)
    weights = overlaps(side)
    sums = np.einsum("ih,jw,hwc->ijc", weights, weights, pixels.astype(np.int64), optimize=True)
    area = side * side
    return ((2 * sums + area) // (2 * area)).astype(np.uint8)


def overlaps(side: int) -> np.ndarray:
    """int64 [cell, pixel]: how many SIDE-ths of the pixel lie in the cell; each row adds up to `side`."""
    cell, pixel = np.arange(SIDE)[:, None], np.arange(side)[None, :]
    start = np.maximum(cell * side, pixel * SIDE)
    stop = np.minimum((cell + 1) * side, (pixel + 1) * SIDE)
    return np.maximum(stop - start, 0)


def npy(array: np.ndarray) -> bytes:
    """A .npy file, version 1.0; written here since NumPy's own padding of the header changed between versions."""
    header = f"{{'descr': '{array.dtype.str}', 'fortran_order': False, 'shape': {array.shape}, }}"
    header = header.ljust((len(header) + 11 + 63) // 64 * 64 - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + array.tobytes()


# ---- Sentences: the vectors that a small tagger of Chinese makes of them --------------------------------------------

WORD = "打"
SENSES = {
    "play": {"en": "to play (a ball game)", "zh": "打球的打"},
    "dozen": {"en": "a dozen", "zh": "十二个为一打"},
    "call": {"en": "to call (by telephone)", "zh": "打电话的打"},
    "hit": {"en": "to hit", "zh": "打人的打"},
    "open": {"en": "to open (with 开)", "zh": "打开的打"},
}
LEVELS = {"embedding": 128, "layer1": 256, "layer2": 256}

# text, sense of 打, English
SENTENCES = (
    ("教练,我想打篮球!", "play", "Coach, I want to play basketball!"),
    ("老板,我要一打包子。", "dozen", "Boss, I want a dozen steamed buns."),
)
BATCH = SENTENCES + (
    ("我和弟弟在操场上打篮球。", "play", "My brother and I are playing basketball on the sports ground."),
    ("请给我一打鸡蛋。", "dozen", "Please give me a dozen eggs."),
    ("我给你打电话。", "call", "I will call you."),
    ("不要打人!", "hit", "Do not hit people!"),
    ("请打开门。", "open", "Please open the door."),
)


def make_sentences(source: Path) -> dict[str, bytes]:
    """The vectors of SENTENCES at all levels and of BATCH at the last one, and who is who beside them."""
    model = Tagger(source)
    tensors, described = {}, {}
    for group, sentences, levels in (("sentence", SENTENCES, list(LEVELS)), ("batch", BATCH, ["layer2"])):
        described[group] = []
        for index, sentence in enumerate(sentences):
            name = f"{group}{index}"
            vectors = model.vectors(fed(sentence[0]))
            tensors |= {f"{name}.{level}": vectors[level] for level in levels}
            described[group].append(describe(name, sentence, levels, model.words(sentence[0], vectors["layer2"])))
    about = {
        "model": "LAC-small (Baidu): a tagger of Chinese characters, two bidirectional GRU layers and a CRF",
        "levels": LEVELS,
        "senses": SENSES,
        "sentences": described["sentence"],
        "batch": described["batch"],
    }
    metadata = {"source": "jieba 0.42.1, lac_small", "license": "MIT and Apache-2.0", "names": "sentences.json"}
    return {"sentences.safetensors": safetensors(tensors, metadata), "sentences.json": tidy_json(about)}


def fed(text: str) -> str:
    """What the model is given: '.' for '。', whose row of the embedding is untrained."""
    return text.replace("。", ".")


def describe(name: str, sentence: tuple[str, str, str], levels: list[str], tagged: tuple[list[str], list[str]]) -> dict:
    """An entry of sentences.json."""
    text, sense, english = sentence
    words, kinds = tagged
    tokens = list(fed(text))
    return {
        "name": name,
        "text": text,
        "english": english,
        "tokens": tokens,
        "length": len(tokens),
        "word_at": tokens.index(WORD),
        "sense": sense,
        "levels": levels,
        "words": words,
        "tags": kinds,
    }


class Tagger:
    """LAC-small, read from its folder and run in float64, one sentence at a time.

    Embedding [20941, 128]; layer 1 and layer 2: a GRU forwards and one backwards over the layer below, side by side;
    then a projection to 57 tags and a CRF. A GRU's step (origin_mode off, as PaddlePaddle's dynamic_gru):

        u, r = sigmoid(x W + b + h G)      c = tanh(x W + b + (r * h) C)      h <- (1 - u) * h + u * c
    """

    UNKNOWN, WIDTH, TAGS = 20940, 128, 57

    def __init__(self, folder: Path):
        self.folder = folder
        self.ids = {char: int(number) for number, char in self.pairs("word.dic")}
        self.tags = [tag for _, tag in self.pairs("tag.dic")]
        self.embedding = self.weight("word_emb", self.UNKNOWN + 1, self.WIDTH)

    def pairs(self, name: str) -> list[list[str]]:
        """The lines of a dictionary that hold two fields, number and text."""
        lines = (self.folder / name).read_text(encoding="utf-8").split("\n")
        return [fields for fields in (line.split("\t") for line in lines) if len(fields) == 2]

    def weight(self, name: str, *shape: int) -> np.ndarray:
        """A weight file: little-endian float32, last in the file, behind a short header."""
        data = (self.folder / "model_baseline" / name).read_bytes()
        values = np.frombuffer(data[len(data) - 4 * int(np.prod(shape)) :], "<f4")
        return values.reshape(shape).astype(np.float64)

    def vectors(self, text: str) -> dict[str, np.ndarray]:
        """float32 [character, width] at each level; GRU outputs as multiples of 2^-16 (they lie within -1 and 1)."""
        x = self.embedding[[self.ids.get(char, self.UNKNOWN) for char in text]]
        layer1 = np.hstack([self.gru(0, x), self.gru(1, x[::-1])[::-1]])
        layer2 = np.hstack([self.gru(2, layer1), self.gru(3, layer1[::-1])[::-1]])
        return {"embedding": x.astype("<f4"), "layer1": on_grid(layer1), "layer2": on_grid(layer2)}

    def gru(self, layer: int, x: np.ndarray) -> np.ndarray:
        """One GRU over the rows of x, first to last."""
        n = self.WIDTH
        bias = self.weight(f"fc_{layer}.b_0", 3 * n) + self.weight(f"gru_{layer}.b_0", 3 * n)
        inputs = x @ self.weight(f"fc_{layer}.w_0", x.shape[1], 3 * n) + bias
        recurrent = self.weight(f"gru_{layer}.w_0", 3 * n * n)
        gates, candidate = recurrent[: 2 * n * n].reshape(n, 2 * n), recurrent[2 * n * n :].reshape(n, n)
        h, out = np.zeros(n), []
        for step in inputs:
            u, r = np.split(1 / (1 + np.exp(-(step[: 2 * n] + h @ gates))), 2)
            c = np.tanh(step[2 * n :] + (r * h) @ candidate)
            h = (1 - u) * h + u * c
            out.append(h)
        return np.stack(out)

    def words(self, text: str, layer2: np.ndarray) -> tuple[list[str], list[str]]:
        """The words of the sentence and the part of speech of each, by the tagger's own best path."""
        words, kinds = [], []
        for char, tag in zip(text, self.best_tags(layer2)):
            kind, _, place = tag.partition("-")
            if place == "I" and words:
                words[-1] += char
            else:
                words.append(char)
                kinds.append(kind)
        return words, kinds

    def best_tags(self, layer2: np.ndarray) -> list[str]:
        """Viterbi over the CRF, whose rows are: start, end, then from each tag to each."""
        scores = layer2 @ self.weight("fc_4.w_0", 2 * self.WIDTH, self.TAGS) + self.weight("fc_4.b_0", self.TAGS)
        crf = self.weight("crfw", self.TAGS + 2, self.TAGS)
        best, came_from = crf[0] + scores[0], []
        for score in scores[1:]:
            paths = best[:, None] + crf[2:]
            came_from.append(paths.argmax(axis=0))
            best = paths.max(axis=0) + score
        path = [int((best + crf[1]).argmax())]
        for previous in reversed(came_from):
            path.append(int(previous[path[-1]]))
        return [self.tags[tag] for tag in reversed(path)]


def on_grid(values: np.ndarray) -> np.ndarray:
    """float32, rounded to multiples of 2^-16 (+ 0.0 makes -0 a 0): where the last bits of float64 do not show."""
    return ((np.round(values * 65536) + 0.0) / 65536).astype("<f4")


def safetensors(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    """A safetensors file of float32 tensors, in the given order, the header padded to a multiple of 8."""
    header, offset = {"__metadata__": metadata}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(tensor.tobytes() for tensor in tensors.values())


def tidy_json(value: dict) -> bytes:
    """Indented JSON, lists of plain values on one line, ended by a newline."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    text = re.sub(r"\[[^][{}]*\]", lambda found: re.sub(r"(?<=\[)\s+|\s+(?=\])|(?<=,)\s+", " ", found[0]), text)
    return (re.sub(r"\[ (.*) \]", r"[\1]", text) + "\n").encode()


# ---- The command -----------------------------------------------------------------------------------------------------


class Sample(NamedTuple):
    """Files of data/ made from one package."""

    option: str
    default: str
    needs: str  # below the source: a file that must be there
    package: str
    modules: tuple[str, ...]
    make: Callable[[Path], dict[str, bytes]]


PYTHON = "/usr/lib/python3/dist-packages"
SAMPLES = (
    Sample("world", "/usr/lib/R/site-library/spData/misc/world_wkt.csv", "", "r-cran-spdata", (), make_world),
    Sample("skimage", f"{PYTHON}/skimage/data", PHOTOS[0], "python3-skimage", ("numpy", "PIL"), make_photos),
    Sample("lac", f"{PYTHON}/jieba/lac_small", "word.dic", "python3-jieba", ("numpy",), make_sentences),
)
DEBIAN = {"numpy": "python3-numpy", "PIL": "python3-pil"}


def lacking(sample: Sample, source: Path) -> str:
    """What is missing to make this sample and how to get it, or nothing."""
    if not (source / sample.needs).exists():
        return f"{source / sample.needs} is not there: apt-get install {sample.package}, or give --{sample.option}"
    for module in sample.modules:
        try:
            importlib.import_module(module)
        except ImportError:
            return f"Python's {module} is not there: apt-get install {DEBIAN[module]}"
    return ""


def write(path: Path, content: bytes) -> None:
    """Writes aside and renames, so that the file is the old one or the new one."""
    aside = path.with_name(path.name + ".part")
    aside.write_bytes(content)
    os.replace(aside, path)


def compare(path: Path, content: bytes) -> str:
    """Nothing when the file holds this content, else what is wrong."""
    if not path.exists():
        return "is missing"
    return "" if path.read_bytes() == content else "differs from what its source gives"


def check_sums() -> list[str]:
    """Compares every file with the SHA-256 that data/README.md lists for it."""
    listed = re.findall(r"^([0-9a-f]{64})  (\S+)$", (DATA / "README.md").read_text(encoding="utf-8"), re.M)
    problems = [] if listed else ["data/README.md lists no checksums"]
    for digest, name in listed:
        path = DATA / name
        actual = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "missing"
        if actual != digest:
            problems.append(f"data/{name}: data/README.md lists sha256 {digest}, it is {actual}")
    unlisted = {path.name for path in DATA.iterdir()} - {name for _, name in listed} - {"README.md"}
    return problems + [f"data/{name}: data/README.md lists no checksum of it" for name in sorted(unlisted)]


def run(args: argparse.Namespace) -> int:
    """Makes or checks each sample; 0 when all went well, samples without a source being skipped aloud."""
    problems = []
    for sample in SAMPLES:
        source = Path(getattr(args, sample.option))
        reason = lacking(sample, source)
        if reason:
            print(f"skipped --{sample.option}: {reason}")
            continue
        for name, content in sample.make(source).items():
            if args.check:
                wrong = compare(DATA / name, content)
                problems += [f"data/{name} {wrong}"] if wrong else []
                print(f"{'wrong' if wrong else 'same '} data/{name}")
            else:
                write(DATA / name, content)
                print(f"wrote data/{name}, {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    problems += check_sums()
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Makes the samples in data/, or checks them.")
    parser.add_argument("--check", action="store_true", help="write nothing, compare byte for byte")
    for sample in SAMPLES:
        parser.add_argument(f"--{sample.option}", default=sample.default, help=f"from {sample.package} (%(default)s)")
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
