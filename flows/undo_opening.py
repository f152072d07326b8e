"""What an undo puts in front of the destination when it is open, and what it asks before it begins."""

from __future__ import annotations

from collections.abc import Callable

from connectors.errors import CannotStart
from flows.allowing import allowed
from flows.opened import Opened
from flows.opening import rules_with, types_of
from flows.options import Options
from flows.undo import Undo, original_of
from flows.undoing import Newcomers, Undoing, undoing

__all__ = ["asked_of", "undoing_of"]


def undoing_of(opened: Opened, run_id: str, options: Callable[[], Options], undo_id: str) -> Undoing:
    """The destination, as the undo of a run sees it. Raises CannotStart.

    `options` are asked when they are needed: at a terminal numbers are typed meanwhile.
    """
    ledger, schema = opened.ledger, opened.schema
    run = ledger.runs.get(run_id)
    if run is None:
        raise CannotStart(
            f"The run {run_id} is not in the ledger any more.", "What it did cannot be put back."
        )
    original = original_of(ledger.runs.mapping_text(run.mapping_sha256), run_id, run.mapping_path)
    given = ledger.images.given_back(undo_id)
    newcomers = Newcomers(options().undo_tag, options().unsubscribe_created)

    def most() -> int | None:
        return allowed(options().allow).get("resubscribes")

    return undoing(
        opened.destination, schema, ledger.images, run_id, opened.account.id, original.name,
        rules_with(original, types_of(original, schema)), newcomers=newcomers, most=most, given=given,
    )  # fmt: skip


def asked_of(undo: Undo, opened: Opened, options: Options) -> str:
    """What a person has to say yes to: what is put back, and what becomes of whom the run created."""
    counts = undo.counts
    created = counts.get("created", 0)
    changed = undo.rows - created
    parts = [f"puts {changed:,} contacts back as they were before the run {undo.run.id}"] if changed else []
    if created and opened.destination.deletes:
        parts.append(f"DELETES {created:,} contacts that it created")
    elif created:
        done = [f"tags them {options.undo_tag}"] if options.undo_tag else ["leaves them where they are"]
        done += ["unsubscribes them"] if options.unsubscribe_created else []
        parts.append(
            f"for {created:,} contacts that it created, which this API cannot delete, {' and '.join(done)}"
        )
    said = ", and ".join(parts)
    return f"This {said}. What changed there since stays."
