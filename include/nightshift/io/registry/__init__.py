"""The registry: model versions, gate decisions, the champion, and who promoted it."""

from nightshift.io.registry.champions import (
    ChampionChanged,
    PromotionKind,
    PromotionRequest,
    find_challenger,
    find_challenger_since,
    find_champion,
    find_champion_at,
    promote,
    set_challenger,
)
from nightshift.io.registry.history import Decision, Promotion, list_decisions, list_promotions, record_decision
from nightshift.io.registry.versions import (
    ModelVersion,
    NewVersion,
    find_newest,
    find_version,
    find_version_of_run,
    list_versions,
    lock_versions,
    register_version,
    require_usable_version,
    require_version,
)

__all__ = [
    "ChampionChanged",
    "Decision",
    "ModelVersion",
    "NewVersion",
    "Promotion",
    "PromotionKind",
    "PromotionRequest",
    "find_challenger",
    "find_challenger_since",
    "find_champion",
    "find_champion_at",
    "find_newest",
    "find_version",
    "find_version_of_run",
    "list_decisions",
    "list_promotions",
    "list_versions",
    "lock_versions",
    "promote",
    "record_decision",
    "register_version",
    "require_usable_version",
    "require_version",
    "set_challenger",
]
