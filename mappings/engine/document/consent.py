"""What is known of whether people want mail."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from mappings.engine.document.words import FALSY, TRUTHY, DateFormats, Maybe, Part, Some, Texts

__all__ = ["Consent", "FollowSource", "OptedOut"]


class OptedOut(Part):
    """Which cells say that the person does not want mail."""

    from_: Some = Field((), alias="from", description="a column, or several: any of them opts out")
    everybody: bool = Field(
        False, description="yes: the whole file is a list of people who want no mail; instead of from:"
    )
    when: Texts = Field(TRUTHY, description="the texts that mean opted out")
    unless: Texts = Field(
        FALSY,
        description="the texts that mean not opted out; a blank does, too. Any other text counts as opted out",
    )

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return {"from": value} if isinstance(value, str | list) else value

    @model_validator(mode="after")
    def _one_of_them(self) -> OptedOut:
        if bool(self.from_) == self.everybody:
            raise ValueError(
                "say from: (the columns with the opt-outs), or everybody: yes where the whole file is a list of people who "
                "want no mail."
            )
        if self.everybody and self.model_fields_set & {"when", "unless"}:
            raise ValueError("when: and unless: are for the cells of from:, and everybody: asks none.")
        return self


class FollowSource(Part):
    """Whose consent in the source lifts an older opt-out. Has to be allowed by name, for each version of the mapping."""

    date: str = Field(min_length=1, description="the column that says when the person gave the consent")
    format: Maybe[DateFormats] = Field(
        None,
        description="how those dates are written, such as DD/MM/YYYY hh:mm; without an offset they count from their first moment anywhere on Earth",
    )

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return {"date": value} if isinstance(value, str) else value


class Consent(Part):
    """What is known of whether people want mail. A mapping to a destination that mails has to say it."""

    opted_out: Maybe[OptedOut] = Field(None, description="the columns with the opt-outs")
    newcomers: Literal["SUBSCRIBED", "UNCONFIRMED", "UNSUBSCRIBED"] = Field(
        "SUBSCRIBED",
        description="the status of new contacts; UNCONFIRMED sends each of them a confirmation mail",
    )
    unknown_opted_out: Literal["create", "leave_out"] = Field(
        "create",
        description="what becomes of who opted out and is not at the destination: create as unsubscribed, so that nobody mails "
        "them by mistake, or leave_out",
    )
    assumed: str | None = Field(None, min_length=8, description="why everybody in this source may be mailed")
    follow_source: Maybe[FollowSource] = Field(
        None,
        description="the column with the date of the consent: people who say no opt-out in so many words, and later than they "
        "opted out, are subscribed again; allowed by name",
    )

    @model_validator(mode="after")
    def _something(self) -> Consent:
        if self.opted_out is None and self.assumed is None:
            raise ValueError(
                'say opted_out: (the columns with the opt-outs), or assumed: "why" everybody may be mailed.'
            )
        if self.follow_source is not None and not (self.opted_out and self.opted_out.from_):
            raise ValueError(
                "follow_source: needs opted_out: with the columns that say whether a person wants mail."
            )
        return self
