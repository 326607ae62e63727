# SPDX-License-Identifier: Apache-2.0
"""docs/python.md and README quote programs of python/examples, which run here."""

import pathlib
import re
import runpy
import textwrap

import pytest
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "python" / "examples"
QUOTE = re.compile(r"(?:<!-- (?P<file>\S+): (?P<region>\w+) -->\n)?```python\n(?P<text>.*?)```", re.DOTALL)


def region(file, name):
    found = re.search(rf"# \[{name}\]\n(.*?)[ ]*# \[/{name}\]", (ROOT / file).read_text(), re.DOTALL)
    return textwrap.dedent(found.group(1))


@pytest.mark.parametrize("page", ["docs/python.md", "README.md", "README.zh-CN.md"])
def test_pages_quote_examples(page):
    quotes = list(QUOTE.finditer((ROOT / page).read_text()))
    assert quotes
    for quote in quotes:
        assert quote["file"], f"no comment says which example this block quotes: {quote['text']}"
        assert quote["text"] == region(quote["file"], quote["region"])


def test_first(capsys):
    runpy.run_path(str(EXAMPLES / "first.py"), run_name="example")
    assert "1: BatchNorm2d -> norma.torch.BatchNorm2d" in capsys.readouterr().out


def test_training_curves_agree_to_rounding():
    """As the page says; of the loss at the start, for that is the scale of the sums that are rounded."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on a busy machine OpenMP's threads wait for each other
    curves = runpy.run_path(str(EXAMPLES / "train.py"), run_name="example")["main"]()
    torch.set_num_threads(threads)
    for (theirs, _), (ours, _) in curves.values():
        assert theirs[-1] < theirs[0] / 4
        assert ((ours - theirs).abs() / theirs[0]).max() < 5e-3
