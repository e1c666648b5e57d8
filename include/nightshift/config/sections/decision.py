"""How a classifier's decision threshold is chosen: on validation data, when the model is trained."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nightshift.config.model import Model


class FixedThreshold(Model):
    """A number."""

    rule: Literal["fixed"] = "fixed"
    threshold: float = Field(0.5, gt=0, lt=1, description="`decision` is true from this score on.")


class CostRule(Model):
    """The least cost. Costs are per row, in any unit; a negative cost is a gain."""

    rule: Literal["cost"]
    false_positive: float = Field(description="A row that is wrongly decided true.")
    false_negative: float = Field(description="A row that is wrongly decided false.")
    true_positive: float = Field(0.0, description="A row that is rightly decided true.")
    true_negative: float = Field(0.0, description="A row that is rightly decided false.")

    @model_validator(mode="after")
    def _errors_cost_more(self) -> Self:
        if self.false_positive <= self.true_negative or self.false_negative <= self.true_positive:
            raise ValueError(
                "an error must cost more than the right decision: "
                "false_positive > true_negative and false_negative > true_positive"
            )
        return self


class FBetaRule(Model):
    """The greatest F-beta."""

    rule: Literal["f_beta"]
    beta: float = Field(1.0, gt=0, le=100, description="Above 1, recall weighs more than precision.")


class RecallAtPrecisionRule(Model):
    """The greatest recall among the thresholds that are precise enough."""

    rule: Literal["recall_at_precision"]
    precision: float = Field(gt=0, le=1, description="At least this share of the rows decided true is right.")


class TopShareRule(Model):
    """The rows with the highest scores."""

    rule: Literal["top_share"]
    share: float = Field(gt=0, lt=1, description="This share of the rows is decided true.")


DecisionRule = Annotated[
    FixedThreshold | CostRule | FBetaRule | RecallAtPrecisionRule | TopShareRule, Field(discriminator="rule")
]
