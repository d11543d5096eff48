"""What the console draws a network from, as bytes: made when it is first asked for, and kept for its network."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from threading import Lock

from openleo.console.scene import scene
from openleo.controller.twin import Twin


@dataclass(frozen=True)
class Scene:
    """A scene as it is sent."""

    content: bytes
    media_type: str = "application/json"

    @cached_property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest()

    @cached_property
    def gzipped(self) -> bytes:
        return gzip.compress(self.content, mtime=0)


@dataclass
class Scenes:
    """The scene of the network that was asked for last: newer elements of its satellites are another one."""

    _making: Lock = field(default_factory=Lock)
    _twin: Twin | None = None
    _made: Scene | None = None

    def of(self, twin: Twin) -> Scene:
        """Whoever asks while it is made waits for it."""
        with self._making:
            if self._made is None or self._twin is not twin:
                said = json.dumps(scene(twin.case), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
                self._twin, self._made = twin, Scene(said.encode())
            return self._made
