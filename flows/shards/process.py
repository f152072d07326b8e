"""A process that maps shards: their numbers come over standard input, and each is said again when its turn is over."""

from __future__ import annotations

import os
import queue
import sys
import threading
from pathlib import Path

from flows.shards.shard import map_shard

__all__ = ["main"]


def main(folder: Path) -> None:
    """Until standard input closes: then at once, because whoever asked is gone."""
    os.umask(0o077)
    numbers: queue.SimpleQueue[int] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            numbers.put(int(line))
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        number = numbers.get()
        map_shard(folder, number)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
