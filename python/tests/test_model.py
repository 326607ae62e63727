# SPDX-License-Identifier: Apache-2.0
"""norma.torch on whole models: convert, fold, recalibrate, diagnose."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import norma.torch as nt


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)

    def forward(self, x):
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), Residual(), nn.Flatten(), nn.LayerNorm(128), nn.Linear(128, 4))


def batches(n=3, size=6, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [2 + 3 * torch.randn(size + i, 3, 6, 6, generator=generator) for i in range(n)]


class Own(nn.LayerNorm):
    pass


def test_convert_swaps_in_place_and_tells():
    model = nn.ModuleDict(
        {"a": nn.LayerNorm(4), "b": Own(4), "c": nn.LazyBatchNorm1d(), "d": nn.LocalResponseNorm(2), "e": nn.SyncBatchNorm(3),
         "f": nn.Linear(2, 2), "g": nn.GroupNorm(1, 2), "h": nn.RMSNorm(3), "i": nt.LayerNorm(3)}
    )  # fmt: skip
    model["g"].forward = lambda x: x
    state, kept, report = model.state_dict(), model["a"].weight, []
    assert nt.convert(model, report=report) is model
    assert type(model["a"]) is nt.LayerNorm and model["a"].weight is kept and type(model["h"]) is nt.RMSNorm
    assert list(model.state_dict()) == list(state)
    why = {swap.name: (swap.after, swap.why) for swap in report}
    assert why["a"] == ("norma.torch.LayerNorm", "") and "f" not in why
    for name, word in {"b": "class of its own", "c": "size yet", "d": "neighbours", "e": "processes", "g": "forward of its own", "i": "already"}.items():
        assert why[name][0] is None and word in why[name][1]
    nt.revert(model)
    assert type(model["a"]) is nn.LayerNorm


def test_convert_prints_its_report(capsys):
    nt.convert(nn.Sequential(nn.BatchNorm1d(3), Own(3)), report=True)
    assert capsys.readouterr().out == (
        "0: BatchNorm1d -> norma.torch.BatchNorm1d\n"
        "1: Own stays: a class of its own, whose forward may differ from torch.nn's\n"
    )
    nt.convert(nn.BatchNorm1d(3))
    assert capsys.readouterr().out == ""


def test_training_follows_torch():
    """Ten steps of SGD with momentum: the loss curves agree to rounding."""
    curves = []
    for change in (lambda m: m, nt.convert):
        model = change(net())
        optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
        losses = []
        for x in batches(10):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), torch.arange(len(x)) % 4)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        curves.append(losses)
    assert curves[0][0] != curves[0][-1]
    torch.testing.assert_close(torch.tensor(curves[1]), torch.tensor(curves[0]), rtol=1e-4, atol=1e-5)


def test_fold_tells():
    """What cannot be folded is left, and said to be."""

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn, self.free, self.last = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.BatchNorm2d(3), nn.BatchNorm2d(3)
            self.normed, self.behind = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 3, 1)), nn.BatchNorm2d(3)
            self.old, self.hooked = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x):
            y = self.conv(x)
            y = self.free(torch.relu(y + self.bn(y)))
            return self.last(self.hooked(self.old(self.behind(self.normed(y)))))

    model, report = Shared().eval(), []
    model.hooked.register_forward_hook(lambda *_: None)
    x = torch.randn(2, 3, 4, 4)
    before = model(x)
    nt.fold(model, x, report=report)
    assert torch.equal(model(x), before)
    for swap, (name, words) in zip(
        report,
        (("bn", "several places"), ("free", "no convolution"), ("behind", "parametrization"), ("hooked", "hooks"), ("last", "no convolution")),
        strict=True,
    ):
        assert swap.name == name and swap.after is None and words in swap.why
    pair = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)).eval()
    nt.fold(pair, report=report)
    assert str(report[-1]) == "1: BatchNorm2d -> folded into 0"


@pytest.mark.parametrize("change", [lambda m: m, nt.convert])
def test_fold(change):
    model, x = change(net()), batches()[0]
    for b in batches():
        model(b)
    model.eval()
    expected = model(x)
    assert nt.fold(model, x) is model
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-5)


def test_fold_of_other_layers():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv1d(2, 4, 3, groups=2), nn.BatchNorm1d(4), nn.ConvTranspose1d(4, 6, 3), nn.BatchNorm1d(6, affine=False),
                          nn.Flatten(), nn.Linear(6 * 8, 5), nn.BatchNorm1d(5))  # fmt: skip
    x = torch.randn(4, 2, 8)
    for _ in range(3):
        model(x)
    expected = model.eval()(x)
    nt.fold(model, x)
    assert sum(isinstance(m, nn.Identity) for m in model) == 3
    torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-5)


def test_fold_leaves_what_it_must():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x):
            y = self.conv(x)
            return y + self.bn(y)

    model = Shared().eval()
    nt.fold(model)
    assert isinstance(model.bn, nn.BatchNorm2d)
    with pytest.raises(ValueError, match="model.eval"):
        nt.fold(net())

    class Branch(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(ValueError, match="cannot be traced"):
        nt.fold(Branch().eval())
    # A Linear's outputs are the last axis, BatchNorm1d's channels of 3 axes the second: the batch shows that it is no fold.
    square = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).eval()
    square[1].running_mean.copy_(torch.arange(4.0))
    with pytest.raises(ValueError, match="nothing was folded"):
        nt.fold(square, torch.randn(2, 4, 4))
    assert isinstance(square[1], nn.BatchNorm1d)

    class Odd(nn.Sequential):
        def forward(self, x):
            return {"y": super().forward(x), "of": slice(None)}

    odd = Odd(nn.Linear(4, 4), nn.BatchNorm1d(4)).eval()
    with pytest.raises(ValueError, match="gives a slice, which cannot be compared"):
        nt.fold(odd, torch.randn(2, 4))
    assert isinstance(odd[1], nn.BatchNorm1d)


def test_recalibrate_is_exact():
    """The first layer's statistics are those of the whole set, batches of different sizes and all."""
    model, data = nt.convert(net()), batches()
    nt.recalibrate(model, data)
    with torch.no_grad():
        seen = torch.cat([model[0](b) for b in data]).double()
    torch.testing.assert_close(model[1].running_mean.double(), seen.mean((0, 2, 3)), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(model[1].running_var.double(), seen.transpose(0, 1).flatten(1).var(1), rtol=1e-5, atol=1e-6)
    assert model.training and all(m.track_running_stats for m in model.modules() if isinstance(m, nn.BatchNorm2d))


def test_recalibrate_in_sequence_reaches_a_fixed_point():
    """Each layer's statistics are those of what it sees in inference: doing it again changes nothing."""
    model, data = nt.convert(net()).eval(), [(b, "a label") for b in batches()]
    nt.recalibrate(model, data, sequential=True)
    inputs = []
    model[2].bn2.register_forward_pre_hook(lambda m, args: inputs.append(args[0]))
    with torch.no_grad():
        for b, _ in data:
            model(b)
    seen = torch.cat(inputs).double()
    torch.testing.assert_close(model[2].bn2.running_mean.double(), seen.mean((0, 2, 3)), rtol=1e-5, atol=1e-6)
    before = copy.deepcopy(model.state_dict())
    nt.recalibrate(model, data, sequential=True)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) or torch.allclose(value, before[name], rtol=1e-6)
    assert not model.training


@pytest.mark.parametrize("sequential", [False, True])
def test_recalibrate_refuses_and_leaves_the_model_as_it_was(sequential):
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False), nn.BatchNorm1d(2))
    state = copy.deepcopy(model.state_dict())
    x = torch.randn(8, 2, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        model[1].weight[1] = torch.inf
    state["1.weight"] = model[1].weight.detach().clone()
    for loader, words in (
        ([x[:1]], "more than 1 value|single value|fewer than two values"),
        ([], "no batch"),
        ([x], r"NaN or Inf in channel \d of 3"),
        *([(iter([x]), "can be walked once")] if sequential else []),
    ):
        with pytest.raises(ValueError, match=words):
            nt.recalibrate(model, loader, sequential=sequential)
        assert all(torch.equal(a, b) for a, b in zip(state.values(), model.state_dict().values()))
        assert model.training and all(m.training for m in model) and [getattr(m, "track_running_stats", None) for m in model] == [True, None, False, True]


def kinds(findings):
    return [(f.layer, f.kind) for f in findings]


def test_diagnose():
    torch.manual_seed(2)
    model, x = net(), torch.cat(batches(8, 16))
    nt.recalibrate(model, [x], sequential=True)
    state = copy.deepcopy(model.state_dict())
    assert nt.diagnose(model.eval(), x) == [] and nt.diagnose(model.train(), x) == []
    assert all(torch.equal(a, b) for a, b in zip(state.values(), model.state_dict().values()))

    with torch.no_grad():
        model[0].weight[3], model[0].bias[3] = 0, 0  # a dead channel, whose running statistics are now wrong too
        model[2].bn2.weight[5] = 0
    found = nt.diagnose(model.eval(), x)
    assert ("1", "dead channels") in kinds(found) and ("2.bn2", "dead channels") in kinds(found)
    assert ("1", "disagreement") in kinds(found)
    assert "1 of 8 constant over the batch (3)" in found[0].sentence and "recalibrate" in str(found[1])

    poisoned = nn.BatchNorm1d(4).eval()
    poisoned.running_var[2] = torch.nan
    (finding,) = nt.diagnose(poisoned, torch.randn(64, 4))
    assert finding.kind == "disagreement" and "channel 2" in finding.sentence and "nan" in finding.sentence
    unbatched = nn.InstanceNorm2d(3, affine=True)
    with torch.no_grad():
        unbatched.weight[1] = 0
    (finding,) = nt.diagnose(unbatched, torch.randn(3, 5, 5))
    assert finding.kind == "dead channels" and "1 of 3 with weight 0 (1)" in finding.sentence

    small = nn.Sequential(nn.BatchNorm1d(4))
    assert kinds(nt.diagnose(small, torch.randn(8, 4))) == [("0", "small batch")]


def test_diagnose_sees_padding():
    torch.manual_seed(1)
    x = torch.randn(40, 4, 9)
    for i in range(0, 40, 2):
        x[i, :, 6 - i % 3 :] = 0
    model = nn.Sequential(nn.BatchNorm1d(4, track_running_stats=False))
    assert kinds(nt.diagnose(model, x)) == [("0", "padding")]
    assert kinds(nt.diagnose(model, torch.randn(40, 4, 9))) == []
    framed = torch.randn(40, 4, 9)
    framed[:, :, 7:] = 0  # in every sample alike: a border, not padding
    assert kinds(nt.diagnose(model, framed)) == []
    words = x.transpose(1, 2).contiguous()
    assert kinds(nt.diagnose(nn.Sequential(nt.SampleLayerNorm(4)), words)) == [("0", "padding")]
    assert nt.diagnose(nn.Sequential(nn.LayerNorm(4)), words) == []  # a token by itself: padding leaks nowhere
