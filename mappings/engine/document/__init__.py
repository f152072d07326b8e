"""The model of a mapping's YAML document, a file for each of its parts."""

from mappings.engine.document.automations import Automations
from mappings.engine.document.consent import Consent, FollowSource, OptedOut
from mappings.engine.document.example import Example
from mappings.engine.document.guards import Guards, Limit, TypedLimit
from mappings.engine.document.keys import keys_of
from mappings.engine.document.mapping import Duplicates, Mapping
from mappings.engine.document.names import Flag, Names, NamesCase
from mappings.engine.document.notify import Notify
from mappings.engine.document.reports import REPORT_FILES, Fixes, Reports
from mappings.engine.document.rule import Case, Origin, Rule, pieces_of
from mappings.engine.document.source import Destination, SourceSettings
from mappings.engine.document.vanished import Removal, Vanished
from mappings.engine.document.where import Conditions, Span, Where, columns_of

__all__ = [
    "REPORT_FILES", "Automations", "Case", "Conditions", "Consent", "Destination", "Duplicates", "Example", "Fixes", "Flag", "FollowSource", "Guards", "Limit",
    "Mapping", "Names", "NamesCase", "Notify", "OptedOut", "Origin", "Removal", "Reports", "Rule", "SourceSettings", "Span", "TypedLimit", "Vanished", "Where", "columns_of",
    "keys_of", "pieces_of",
]  # fmt: skip
