"""LightGBM without scikit-learn, which takes 750 modules to import, for estimators that nothing here uses.

Three quarters of the time of `import lightgbm` are scikit-learn's. Where that is loaded already nothing is gained, and
nothing hidden. Boosters are the same either way; only LightGBM's own scikit-learn classes (`LGBMClassifier` and the
like) cannot be made later in a process that loaded LightGBM here first. scikit-learn itself is imported afterwards as
ever.
"""

from __future__ import annotations

import platform
import sys
from typing import Any

HIDDEN = "sklearn"


def load() -> Any:
    """The module.

    On ARM scikit-learn has to be loaded first (LightGBM's issue 6509), so there it is.
    """
    if "lightgbm" not in sys.modules and HIDDEN not in sys.modules and platform.machine() not in ("aarch64", "arm64"):
        sys.modules[HIDDEN] = None  # type: ignore[assignment]  # this is how Python marks a module that is not there
        try:
            return _module()
        finally:
            sys.modules.pop(HIDDEN, None)  # another thread may have been as quick
    return _module()


def _module() -> Any:
    import lightgbm

    return lightgbm
