"""The sync as workers of `four_workers.py` run it: against a sandbox that allows more calls a second than the real API."""

from __future__ import annotations

import os

from connectors.destinations.campaignlark import Connector
from flows.sync_contacts import sync_contacts

__all__ = ["sync_contacts"]

Connector.per_second = float(os.environ["FOUR_WORKERS_RATE"])
