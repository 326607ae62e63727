# SPDX-License-Identifier: Apache-2.0
"""Trains a small CNN and a small transformer on handwritten digits (scikit-learn's, 8 x 8) with torch.nn's layers and with
Norma's, from the same seed, and shows both loss curves and times."""

import time

import torch
from sklearn.datasets import load_digits
from torch import nn

import norma.torch

images, labels = (torch.tensor(a) for a in load_digits(return_X_y=True))
images = images.float().view(-1, 1, 8, 8) / 16


def cnn():
    def block(channels):
        return nn.Sequential(nn.Conv2d(channels, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())

    return nn.Sequential(block(1), block(64), block(64), nn.Flatten(), nn.Linear(64 * 64, 10))


def transformer():
    layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(128, 4, 256, 0.0, batch_first=True), 2)
    return nn.Sequential(nn.Flatten(1, 2), nn.Linear(8, 128), layers, nn.Flatten(), nn.Linear(8 * 128, 10))


def main(steps=40, batch=128):
    curves = {}
    # [train]
    for build in (cnn, transformer):  # the rows of an image are the transformer's words
        for change in (lambda model: model, norma.torch.convert):
            torch.manual_seed(0)
            model, losses, start = change(build()), [], time.perf_counter()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
            for chosen in torch.randint(len(images), (steps, batch)):
                losses.append(nn.functional.cross_entropy(model(images[chosen]), labels[chosen]))
                optimizer.zero_grad()
                losses[-1].backward()
                optimizer.step()
            # [/train]
            curves.setdefault(build.__name__, []).append((torch.stack(losses).detach(), time.perf_counter() - start))
    return curves


if __name__ == "__main__":
    for _ in range(2):  # the first pass warms up
        curves = main()
    for name, ((theirs, before), (ours, after)) in curves.items():
        apart = ((ours - theirs).abs() / theirs).max()
        print(f"{name:12} loss {theirs[0]:.3f} -> {theirs[-1]:.3f}, curves apart by {apart:.0e}; {before:.2f} s -> {after:.2f} s")
