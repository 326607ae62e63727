# SPDX-License-Identifier: Apache-2.0
"""The command `norma` on files that PyTorch writes and reads."""

import json
import pathlib
import subprocess

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

NORMA = pathlib.Path(__file__).parents[2] / "build/release/cli/norma"


class Net(nn.Module):
    """With its BatchNorms, or as it is without them: whatever had none before has a bias then."""

    def __init__(self, folded=False):
        super().__init__()

        def norm(layer, channels, **options):
            return nn.Identity() if folded else layer(channels, **options)

        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, bias=folded), norm(nn.BatchNorm2d, 8, eps=1e-3)
        self.middle = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), norm(nn.BatchNorm2d, 8), nn.ReLU(),
                                    nn.ConvTranspose2d(8, 6, 2, bias=folded), norm(nn.BatchNorm2d, 6, affine=False))  # fmt: skip
        self.head, self.last = nn.Linear(6 * 5 * 5, 4), norm(nn.BatchNorm1d, 4)
        self.register_buffer("steps", torch.tensor([2**60 + 1, -1]))

    def forward(self, x):
        x = self.middle(F.relu(self.bn1(self.conv1(x))))
        return self.last(self.head(x.flatten(1)))


def fold(*words):
    if not NORMA.exists():
        pytest.skip("build/release has no command; ./run test python builds it")
    return subprocess.run([NORMA, "fold", *words], capture_output=True, text=True, timeout=60)


def test_a_folded_state_dict_is_that_of_the_model_without_batch_norms(tmp_path):
    torch.manual_seed(3)
    model = Net()
    for _ in range(3):
        model(1 + 2 * torch.randn(16, 3, 6, 6))
    model.eval()
    save_file(model.state_dict(), tmp_path / "model.safetensors", {"format": "pt"})

    words = [tmp_path / "model.safetensors", "-o", tmp_path / "folded.safetensors", "--eps", "bn1=1e-3"]
    assert "'middle.4' has 6 channels" in fold(*words).stderr  # the transposed one
    words += ["--transposed", "middle.3"]
    assert "no layer's name or place goes with 'last'" in fold(*words).stderr
    done = fold(*words, "--pair", "head=last", "--json")
    assert done.returncode == 0, done.stderr
    assert {p["layer"]: p["bias"] for p in json.loads(done.stdout)["folded"]} == {
        "conv1": "added", "middle.0": "folded", "middle.3": "added", "head": "folded"}  # fmt: skip

    folded = Net(folded=True).eval()
    folded.load_state_dict(load_file(tmp_path / "folded.safetensors"))
    x = torch.randn(5, 3, 6, 6)
    torch.testing.assert_close(folded(x), model(x), rtol=1e-4, atol=1e-5)
    assert torch.equal(folded.steps, model.steps)
