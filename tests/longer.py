"""Tests that do what others beside them do, for longer: with them all tests would take more than CI has time for."""

from __future__ import annotations

import os

import pytest

longer = pytest.mark.skipif(
    os.environ.get("OPENLEO_LONG") != "1", reason="as others beside it, for longer: make test-long"
)
