"""The section `card` of pipeline.yaml: what only people know about a model, for its card. All of it is optional."""

from pydantic import Field

from nightshift.config.model import Model


class Card(Model):
    """What only people know about a model, as plain text; the card says "not provided" where it is empty."""

    purpose: str = Field("", max_length=4000, description="What the scores are for. Empty: the description.")
    provider: str = Field("", max_length=1000, description="Who puts the model into service.")
    contact: str = Field("", max_length=1000, description="Who to ask. Empty: the owner.")
    users: str = Field("", max_length=4000, description="Who is meant to act on the scores, and how.")
    affected: str = Field("", max_length=4000, description="Persons or groups whom the decisions concern.")
    out_of_scope: str = Field("", max_length=4000, description="What the scores must not be used for.")
    limits: str = Field("", max_length=4000, description="Known limits and foreseeable unintended outcomes.")
    risks: str = Field("", max_length=4000, description="Risks to health, safety and fundamental rights; what is done.")
    oversight: str = Field("", max_length=4000, description="How people oversee the model and can overrule it.")
    data_origin: str = Field("", max_length=4000, description="Where the data come from, their licence and selection.")
    labelling: str = Field("", max_length=4000, description="How the outcomes came to be known.")
    standards: str = Field("", max_length=4000, description="Standards and specifications that were applied.")
