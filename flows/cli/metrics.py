"""muster metrics: how each mapping stands, for Prometheus."""

from __future__ import annotations

from pathlib import Path

import click

from connectors.errors import CannotStart
from flows.cli.opening import ledger_here
from flows.metrics import metrics_text, write_metrics

__all__ = ["command"]


@click.command("metrics")
@click.option(
    "-o",
    "into",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write them into FILE, whole or not at all, such as /var/lib/node_exporter/muster.prom.",
)
def command(into: Path | None) -> int:
    """Print how each mapping stands, in Prometheus' text format: balance, pace, last run and last success.

    With MUSTER_METRICS=FILE each run writes them by itself.
    """
    with ledger_here() as ledger:
        if into is None:
            click.echo(metrics_text(ledger), nl=False)
            return 0
        try:
            write_metrics(ledger, into)
        except OSError as error:
            raise CannotStart(
                f"{into} cannot be written: {error.strerror}.", "Mend its folder or its rights."
            ) from None
    return 0
