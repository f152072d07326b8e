"""CampaignLark on trial: what the conformance suite has to know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.sandbox.trial import Documented, Names, Trial

if TYPE_CHECKING:
    from connectors.sandbox.campaignlark import CampaignLarkSandbox

__all__ = ["TRIAL"]

TWO = "p2@example.com"
LANDED = ("created", "updated")


def _require_company(sandbox: CampaignLarkSandbox) -> None:
    sandbox.workspace.fields["company"].required = True


TRIAL = Trial(
    key="email_address",
    text="job_title",
    other="city",
    number="score",
    date="birthday",
    mailed="SUBSCRIBED",
    opted_out=("UNSUBSCRIBED", "CLEANED", "COMPLAINED"),
    moves={},
    names=(Names("tags", shown=("vip", "press"), names=("vip", "press")),),
    errors=(
        Documented(
            "400-tag-removed", ("refused",), "Tag ID 2 does not exist in this workspace",
            cells={"Tags": "vip"}, mapping={"tags": "Tags"}, act=lambda sandbox: sandbox.workspace.tags.pop(2),
        ),
        Documented(
            "400-field-removed", ("refused",), "We were unable to find a field with the merge_tag company",
            cells={"Company": "Acme"}, mapping={"fields": {"company": "Company"}},
            act=lambda sandbox: sandbox.workspace.fields.pop("company"),
        ),
        Documented(
            "400-field-required", ("refused",), "Field 'Company' is required.",
            others={"Company": "Acme"}, mapping={"fields": {"company": "Company"}}, act=_require_company,
        ),
        Documented(
            "400-contact-removed", ("protected",), "removed",
            mapping={"write": "update_only"}, there={"p1@example.com": {}, TWO: {}, "p3@example.com": {}},
            after="by-email.*p2", act=lambda sandbox: sandbox.delete(TWO),
        ),
        Documented(
            "404-nobody-has-the-address", ("filtered",),
            mapping={"write": "update_only"}, there={"p1@example.com": {}, "p3@example.com": {}},
        ),
        Documented(
            "400-while-an-import-goes-on", LANDED,
            switches={"busy_refuses_contacts": "yes"}, faults=("validation_error:next=2",),
        ),
        Documented("403-address-not-allowed", words="is not authorized", switches={"ip_allowed": "no"}, stops=True),
    ),
)  # fmt: skip
"""Left out is what no run can come to: a write without status, field or address, or with a status that is none."""
