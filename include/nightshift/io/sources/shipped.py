"""The kinds of source that ship: files, a database, a Python function."""

from nightshift.config.sections.source import FileSource, PythonSource, SqlSource
from nightshift.extension.later import later
from nightshift.extension.source_kinds import SOURCE_KINDS, SourceKind

KINDS = "nightshift.io.sources.kinds"

SOURCE_KINDS.register(
    SourceKind("files", FileSource, later(f"{KINDS}.files", "open_files"), later(f"{KINDS}.files", "require_files"))
)
SOURCE_KINDS.register(
    SourceKind("sql", SqlSource, later(f"{KINDS}.sql", "open_query"), later(f"{KINDS}.sql", "require_query"))
)
SOURCE_KINDS.register(SourceKind("python", PythonSource, later(f"{KINDS}.python", "open_function")))
