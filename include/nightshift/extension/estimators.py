"""The record of a kind of estimator. What ships is registered in core/estimators/shipped.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nightshift.extension.registry import Registry


@dataclass(frozen=True)
class Estimator:
    """One kind of model: what `training.estimators[].kind` names.

    `factories`: by task, what makes an unfitted scikit-learn estimator of keyword arguments. `encode(numeric,
    categorical)` makes the transformer in front of it, which turns the feature columns into numbers. The rest is
    optional:

    - `defaults`: arguments that pipeline.yaml may override.
    - `place_codes(positions)`: arguments that depend on which encoded columns are categories.
    - `require_library()`: NightshiftError where a library that it needs is not installed, with the command to run.
    - `libraries`: what it computes with besides scikit-learn, as pip calls it; model cards say the versions.
    - `types`: full names of the classes that a fitted one consists of; a model artifact may hold these besides the
      parts that all kinds share (io/artifacts/allowed.py). Each is restored attribute by attribute, so name only
      classes that are safe to restore so.
    """

    name: str
    factories: Mapping[str, Callable[..., Any]]
    encode: Callable[[Sequence[str], Sequence[str]], Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    place_codes: Callable[[list[int]], dict[str, Any]] | None = None
    require_library: Callable[[], Any] | None = None
    libraries: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


ESTIMATORS: Registry[Estimator] = Registry("kind of estimator", "nightshift.core.estimators.shipped")
