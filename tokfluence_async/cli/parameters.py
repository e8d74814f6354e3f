"""Parameters that several commands have."""

from __future__ import annotations

from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from tokfluence_async.cli.arguments import Text

__all__ = [
    "AsJSON",
    "CampaignArgument",
    "CampaignOrFile",
    "CreatorArgument",
    "PostArgument",
    "Yes",
    "example",
]

AsJSON = Annotated[bool, Parameter(name="--json", help="Print one JSON document on stdout instead of text.")]
Yes = Annotated[bool, Parameter(help="Agree to spend; asked for where there is a terminal.")]
CampaignArgument = Annotated[int, Parameter(validator=Number(gte=1), help="The campaign's number.")]
CampaignOrFile = Annotated[
    Text, Parameter(help="The campaign's number, or the load file that it was loaded with.")
]
PostArgument = Annotated[Text, Parameter(help="The post: its video id, or its URL.")]
CreatorArgument = Annotated[Text, Parameter(help="The creator's tkc_ id.")]

_HEAD: Final = "Example:"


def example(*lines: str) -> str:
    """What stands at the end of a command's help text."""
    return "\n".join([_HEAD if len(lines) == 1 else "Examples:", *(f"  $ {line}" for line in lines)])
