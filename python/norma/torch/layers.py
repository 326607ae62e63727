# SPDX-License-Identifier: Apache-2.0
"""torch.nn's normalization layers, computed by Norma: same constructors, same state_dict, same semantics. CPU tensors alone.

Each class is a subclass of torch.nn's and replaces its forward, so that whatever knows those classes knows these.
"""

from __future__ import annotations

from typing import Optional, Union

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from norma.torch.functional import normalize
from norma.torch.kernels import EVERYTHING, Fusion, Narrowing, Running


class LayerNorm(nn.LayerNorm):
    """torch.nn.LayerNorm by Norma."""

    def forward(self, input: Tensor) -> Tensor:
        return normalize(input, ("layer", *self.normalized_shape), self.weight, self.bias, self.eps)


class RMSNorm(nn.RMSNorm):
    """torch.nn.RMSNorm by Norma."""

    def forward(self, x: Tensor) -> Tensor:
        return normalize(x, ("layer", *self.normalized_shape), self.weight, None, self.eps, centered=False)


class GroupNorm(nn.GroupNorm):
    """torch.nn.GroupNorm by Norma."""

    def forward(self, input: Tensor) -> Tensor:
        return normalize(input, ("group", self.num_groups, 1), self.weight, self.bias, self.eps)


class _Instance(_InstanceNorm):
    def _apply_instance_norm(self, input: Tensor) -> Tensor:
        running = None
        if self.track_running_stats and self.running_mean is not None:
            momentum = 0.0 if self.momentum is None else self.momentum
            running = Running(self.running_mean, self.running_var, self.training, momentum)
        return normalize(input, ("instance", 1), self.weight, self.bias, self.eps, running=running)


class InstanceNorm1d(_Instance, nn.InstanceNorm1d):
    """torch.nn.InstanceNorm1d by Norma."""


class InstanceNorm2d(_Instance, nn.InstanceNorm2d):
    """torch.nn.InstanceNorm2d by Norma."""


class InstanceNorm3d(_Instance, nn.InstanceNorm3d):
    """torch.nn.InstanceNorm3d by Norma."""


class _Batch(_BatchNorm):
    def _running(self) -> Optional[Running]:
        """The statistics that this pass uses or takes up; counts the batch."""
        mean, var = self.running_mean, self.running_var
        if mean is None or var is None or (self.training and not self.track_running_stats):
            return None
        if not self.training:
            return Running(mean, var, False, 0.0)
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # the cumulative average
                momentum = 1.0 / float(self.num_batches_tracked)
        return Running(mean, var, True, momentum)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        return normalize(input, ("batch", 1), self.weight, self.bias, self.eps, running=self._running())


class BatchNorm1d(_Batch, nn.BatchNorm1d):
    """torch.nn.BatchNorm1d by Norma."""


class BatchNorm2d(_Batch, nn.BatchNorm2d):
    """torch.nn.BatchNorm2d by Norma."""


class BatchNorm3d(_Batch, nn.BatchNorm3d):
    """torch.nn.BatchNorm3d by Norma."""


class MaskedBatchNorm(_Batch):
    """BatchNorm of (N, C, positions…) whose padding belongs to no distribution: it touches no statistic, and comes out as 0.

    mask     bool, of shape (N, positions…): true where a position is real.
    lengths  integers of shape (N): of sample i the positions from lengths[i] on are padding; for x of (N, C, L).
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected (N, C) or (N, C, positions…), got {tuple(input.shape)}")

    def forward(self, input: Tensor, mask: Optional[Tensor] = None, lengths: Optional[Tensor] = None) -> Tensor:
        self._check_input_dim(input)
        if mask is not None and lengths is not None:
            raise ValueError("mask and lengths are two ways to say the same; give one of them")
        narrowing = EVERYTHING
        if mask is not None:
            if mask.shape != input.shape[:1] + input.shape[2:]:
                raise ValueError(
                    f"mask of shape {tuple(mask.shape)} does not fit x of shape {tuple(input.shape)}; give one value a "
                    f"position: {tuple(input.shape[:1] + input.shape[2:])}"
                )
            narrowing = Narrowing(mask=mask.unsqueeze(1))
        elif lengths is not None:
            if input.dim() != 3:
                raise ValueError(f"lengths count the positions of (N, C, L), but x has shape {tuple(input.shape)}; give a mask")
            narrowing = Narrowing(lengths=lengths, axis=2)
        return normalize(
            input, ("batch", 1), self.weight, self.bias, self.eps, narrowing=narrowing, running=self._running()
        )


class SampleLayerNorm(nn.LayerNorm):
    """LayerNorm of (N, L, D) over whole samples: each sentence is one distribution, so that its words stay comparable.

    normalized_shape  (D): the sizes along which weight and bias lie, as torch.nn.LayerNorm(D)'s.
    lengths           integers of shape (N): of sample i the words from lengths[i] on are padding; they come out as 0.
    """

    def forward(self, input: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
        trailing = len(self.normalized_shape)
        if tuple(input.shape[-trailing:]) != tuple(self.normalized_shape) or input.dim() <= trailing:
            raise ValueError(
                f"x of shape {tuple(input.shape)} does not end in {tuple(self.normalized_shape)} after an axis of samples; "
                "give (N, L, D) and normalized_shape D"
            )
        narrowing = EVERYTHING if lengths is None else Narrowing(lengths=lengths)
        key = ("sample", *range(-trailing, 0))
        return normalize(input, key, self.weight, self.bias, self.eps, narrowing=narrowing)


# ------------------------------------------------------------------------------------------------------------- fused


class BatchNormReLU2d(BatchNorm2d):
    """ReLU behind BatchNorm2d in one pass: relu(batch_norm(x)), or relu(batch_norm(x) + add), the end of a ResNet's block.

    torch.nn.BatchNorm2d's constructor and state_dict.
    """

    def forward(self, input: Tensor, add: Optional[Tensor] = None) -> Tensor:
        self._check_input_dim(input)
        return normalize(
            input, ("batch", 1), self.weight, self.bias, self.eps, running=self._running(), fusion=Fusion(add=add, relu=True)
        )


class _Adding:
    """What AddLayerNorm and AddRMSNorm share: x + residual is normalized, and handed back where return_sum says so."""

    def __init__(self, *args, return_sum: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        self.return_sum = return_sum

    def extra_repr(self) -> str:
        return super().extra_repr() + (", return_sum=True" if self.return_sum else "")


class AddLayerNorm(_Adding, nn.LayerNorm):
    """LayerNorm of x + residual, the sum and the norm in one pass.

    torch.nn.LayerNorm's constructor and state_dict.
    return_sum  False: y, as transformers that normalize after the sum (BERT) take it. True: (y, x + residual), as those that
                normalize before attention (GPT, Llama) take it: the sum goes on as the next residual.
    """

    def forward(self, input: Tensor, residual: Tensor) -> Union[Tensor, tuple[Tensor, Tensor]]:
        key = ("layer", *self.normalized_shape)
        y, total = normalize(input, key, self.weight, self.bias, self.eps, fusion=Fusion(residual=residual))
        return (y, total) if self.return_sum else y


class AddRMSNorm(_Adding, nn.RMSNorm):
    """RMSNorm of x + residual, the sum and the norm in one pass; as AddLayerNorm. torch.nn.RMSNorm's constructor and state_dict."""

    def forward(self, x: Tensor, residual: Tensor) -> Union[Tensor, tuple[Tensor, Tensor]]:
        key = ("layer", *self.normalized_shape)
        y, total = normalize(x, key, self.weight, None, self.eps, centered=False, fusion=Fusion(residual=residual))
        return (y, total) if self.return_sum else y
