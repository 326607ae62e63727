# SPDX-License-Identifier: Apache-2.0
"""Normalization layers for CPUs: which elements form one distribution, and the rest is the same for all of them.

Arrays of NumPy, PyTorch, JAX, or anything with DLPack go in without a copy, in float32, float64, float16 or bfloat16, and come
back as the same kind. What cannot be done raises ValueError or TypeError before anything is written. For PyTorch's layers see
norma.torch, for data frames norma.standardize, for scikit-learn norma.sklearn.
"""

from norma._norma import (
    Grouping,
    Moments,
    __version__,
    backward,
    batch_norm,
    comparability,
    group_norm,
    instance_norm,
    layer_norm,
    moments,
    normalize,
    num_threads,
    rms_norm,
    set_num_threads,
    target,
    targets,
    vector_comparability,
)
from norma.fold import fold_batch_norm
from norma.frames import Standardizer, standardize

# Type checkers take what is listed here, word for word, as the package's own.
__all__ = [  # fmt: skip
    "Grouping", "Moments", "Standardizer", "__version__", "backward", "batch_norm", "comparability", "fold_batch_norm",
    "group_norm", "instance_norm", "layer_norm", "moments", "normalize", "num_threads", "rms_norm", "set_num_threads",
    "standardize", "target", "targets", "vector_comparability",
]
