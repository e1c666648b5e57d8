"""Model card and data card as plain values. What is not known is None, which the pages show as "not provided"."""

from nightshift.core.cards.card_inputs import HeldOut, KnownData, KnownModel
from nightshift.core.cards.data_card import build_data_card
from nightshift.core.cards.model_card import build_model_card

__all__ = ["HeldOut", "KnownData", "KnownModel", "build_data_card", "build_model_card"]
