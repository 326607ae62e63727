# SPDX-License-Identifier: Apache-2.0
"""Randomness is Hypothesis', the same in each run; NORMA_SEED=n draws others."""

import os

import hypothesis
import numpy as np
import pytest

hypothesis.settings.register_profile("norma", deadline=None, max_examples=60, derandomize="NORMA_SEED" not in os.environ)
hypothesis.settings.load_profile("norma")


@pytest.fixture
def random():
    seed = int(os.environ.get("NORMA_SEED", "1"))
    print(f"NORMA_SEED={seed}")
    return np.random.default_rng(seed)
