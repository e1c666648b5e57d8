"""A batch of a strange size stops, and no longer once that size has come back: by what the warehouse kept."""

from tests.integration.kit import LEARNING, NIGHTS, World, draw_rows


def test_a_size_that_stopped_two_days_passes_on_the_third(champion_world: World) -> None:
    found = []
    for night in NIGHTS[len(LEARNING) : len(LEARNING) + 3]:
        champion_world.write(night, draw_rows(night, count=5_000))
        found.append(champion_world.ingest(night))
    assert [outcome.status for outcome in found] == ["stopped", "stopped", "done"]
    assert "are too many: max_size_ratio in expectations.yaml is auto" in found[0].reason
