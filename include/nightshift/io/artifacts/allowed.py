"""What a model may be made of, reviewed by a person. Never extended by what a file says it holds.

skops asks only whether a type is trusted, wherever it stands: any trusted name may be called with what the file holds,
if the file says that it is a list, a dictionary or a constructor. Here each kind of node has types of its own, and
kinds that call or look up something (methods, operators, constructors, caches) do not exist at all.
"""

from collections.abc import Mapping

from nightshift.extension.estimators import ESTIMATORS

# What models of several kinds are made of, restored attribute by attribute without running their constructors. What
# one kind of estimator brings is in its own `types`.
PARTS = frozenset(
    {
        "nightshift.estimators.CalibratedClassifier",
        "sklearn.compose._column_transformer.ColumnTransformer",
        "sklearn.dummy.DummyClassifier",
        "sklearn.dummy.DummyRegressor",
        "sklearn.impute._base.MissingIndicator",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.isotonic.IsotonicRegression",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._encoders.OneHotEncoder",
        "sklearn.preprocessing._encoders.OrdinalEncoder",
        "sklearn.preprocessing._function_transformer.FunctionTransformer",
        "sklearn.preprocessing._label.LabelEncoder",
    }
)
# What a model as a whole may be.
ROOTS = frozenset({"nightshift.estimators.CalibratedClassifier", "sklearn.pipeline.Pipeline"})
LOSSES = frozenset(
    f"sklearn._loss._loss.Cy{name}"
    for name in ("AbsoluteError", "HalfBinomialLoss", "HalfGammaLoss", "HalfPoissonLoss", "HalfSquaredError")
) | {"sklearn._loss._loss.CyPinballLoss"}
_WIDTHS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")
NUMBERS = frozenset(f"numpy.{name}" for name in ("bool", "str_", *_WIDTHS))
KEYS = frozenset({"builtins.bool", "builtins.float", "builtins.int", "builtins.str"})
# HistGradientBoosting checks its input with it, bound to keyword arguments by functools.partial.
CHECK_ARRAY = "sklearn.utils.validation.check_array"

# skops' name for the kind of node -> the types that it may have.
TYPES_BY_LOADER: Mapping[str, frozenset[str]] = {
    "DTypeNode": frozenset({"numpy.dtype"}),
    "DictNode": frozenset({"builtins.dict"}),
    "FunctionNode": frozenset({CHECK_ARRAY}),
    "JsonNode": frozenset({"builtins.str"}),
    "ListNode": frozenset({"builtins.list"}),
    "LossNode": LOSSES,
    "NdArrayNode": NUMBERS | {"numpy.ndarray"},
    "ObjectNode": PARTS,
    "PartialNode": frozenset({"functools.partial"}),
    "RandomGeneratorNode": frozenset({"numpy.random._generator.Generator"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "TreeNode": frozenset({"sklearn.tree._tree.Tree"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "TypeNode": KEYS | NUMBERS,
}
# What skops must be told on top of its own defaults and of the estimators' types: defence in depth.
_TRUSTED = (
    "functools.partial",
    "nightshift.estimators.CalibratedClassifier",
    "numpy.dtype",
    "sklearn.tree._tree.Tree",
    CHECK_ARRAY,
)


def is_allowed(loader: str, name: str) -> bool:
    """Whether a node of this kind may have this type."""
    return name in TYPES_BY_LOADER.get(loader, ()) or (loader == "ObjectNode" and is_object(name))


def is_object(name: str) -> bool:
    """Whether this is a class whose attributes are restored one by one: a shared part, or of a kind of estimator."""
    return name in PARTS or any(name in estimator.types for estimator in ESTIMATORS)


def list_trusted_types() -> list[str]:
    """What skops is told to trust."""
    return sorted({*_TRUSTED, *(name for estimator in ESTIMATORS for name in estimator.types)})
