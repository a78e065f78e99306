"""What the tests of whole flows share: helper modules of this folder and of the core's tests."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent / "core")]
