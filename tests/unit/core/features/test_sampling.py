"""Which rows a bounded sample takes."""

from nightshift.core.features.sampling import sample_rows


def test_a_sample_is_seeded_and_in_order() -> None:
    assert sample_rows(5, 10, 1).tolist() == [0, 1, 2, 3, 4]
    chosen = sample_rows(1000, 10, 1)
    assert chosen.tolist() == sorted(chosen) == sample_rows(1000, 10, 1).tolist()
