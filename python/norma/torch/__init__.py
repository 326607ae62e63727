# SPDX-License-Identifier: Apache-2.0
"""PyTorch's normalization layers by Norma, and what one does with a model that has them. CPU tensors alone.

    model = norma.torch.convert(model)    # every layer swapped in place, the same state_dict
"""

from norma.torch.functional import normalize
from norma.torch.layers import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    GroupNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    LayerNorm,
    MaskedBatchNorm,
    RMSNorm,
    SampleLayerNorm,
)
from norma.torch.model import Finding, Swap, convert, diagnose, fold, recalibrate, revert

__all__ = [name for name in dir() if name[0].isupper()] + ["convert", "diagnose", "fold", "normalize", "recalibrate", "revert"]
