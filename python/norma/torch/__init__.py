# SPDX-License-Identifier: Apache-2.0
"""PyTorch's normalization layers by Norma, and what one does with a model that has them. CPU tensors alone.

    model = norma.torch.convert(model)    # every layer swapped in place, the same state_dict
"""

from norma.torch.conversion import Swap, convert, revert
from norma.torch.diagnosis import Finding, diagnose
from norma.torch.folding import fold
from norma.torch.functional import normalize
from norma.torch.layers import (
    AddLayerNorm,
    AddRMSNorm,
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    BatchNormReLU2d,
    GroupNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    LayerNorm,
    MaskedBatchNorm,
    RMSNorm,
    SampleLayerNorm,
)
from norma.torch.recalibration import recalibrate

# Type checkers take what is listed here, word for word, as the package's own.
__all__ = [  # fmt: skip
    "AddLayerNorm", "AddRMSNorm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "BatchNormReLU2d", "Finding", "GroupNorm",
    "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LayerNorm", "MaskedBatchNorm", "RMSNorm", "SampleLayerNorm",
    "Swap", "convert", "diagnose", "fold", "normalize", "recalibrate", "revert",
]
