# ruff: noqa: E501 - a table
"""Configuration that nobody should write, each with a part of what is said of it: the field, and the value or remedy."""

import os
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from tests.kits.pipelines import SPEC, SUITE

NAN, INF = float("nan"), float("inf")
SECRET = "hunter2"


def derive(**changes: Any) -> dict[str, Any]:
    """The one derived feature, spoilt."""
    return {"features.derived": [{"kind": "calendar", "name": "hour", "column": "seen_at", "part": "hour", **changes}]}


def python(**changes: Any) -> dict[str, Any]:
    return {"source": {"kind": "python", "function": "source.py:read", **changes}}


def sql(**changes: Any) -> dict[str, Any]:
    return {"source": {"kind": "sql", "query": "select :partition_start, :partition_end", **changes}}


def search(**values: Any) -> dict[str, Any]:
    return {"training.estimators": [{"kind": "logistic", "search": values}]}


# name: (what is changed in a good pipeline.yaml, what is told after file and line)
SPECS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"training.wndow": 3}, r"training.wndow: is not a known key; did you mean 'window_days'\?"),
    "key with a look-alike letter": ({"t\u0456tle": "x"}, r"did you mean 'title'\?"),
    "key that writes backwards": ({"\u202etitle": 1}, r"\\u202etitle: is not a known key"),
    "key of 10,000 letters": ({"k" * 10_000: 1}, r"k{200}: is not a known key"),
    "value of 10,000 letters": ({"task": "x" * 10_000}, r"task: 'x{199}… is not one of"),
    "threshold 0": ({"scoring": {"threshold": 0}}, r"scoring.threshold: 0: .*greater than 0"),
    "threshold 1": ({"scoring": {"threshold": 1}}, r"scoring.threshold: 1: .*less than 1"),
    "threshold -0.5": ({"scoring": {"threshold": -0.5}}, r"scoring.threshold: -0.5"),
    "threshold NaN": ({"scoring": {"threshold": NAN}}, r"scoring.threshold: nan: .*finite"),
    "threshold infinity": ({"scoring": {"threshold": INF}}, r"scoring.threshold: inf: .*finite"),
    "threshold true": ({"scoring": {"threshold": True}}, r"scoring.threshold: True"),
    "threshold as text": ({"scoring": {"threshold": "0.5"}}, r"scoring.threshold: '0.5'"),
    "folds true": ({"training.folds": True}, r"training.folds: True"),
    "folds 3.0": ({"training.folds": 3.0}, r"training.folds: 3.0"),
    "seed beyond any library's": ({"training.seed": 10**30}, r"training.seed: 10{30}: .*less than"),
    "title no": ({"title": False}, r"title: False"),
    "title blank": ({"title": "  "}, r"title: '  ': must be one line"),
    "title of two lines": ({"title": "a\nb"}, r"title: 'a\\nb': must be one line"),
    "owner as a mapping": ({"owner": {"name": "x"}}, r"owner: "),
    "start as a time": ({"start": datetime(2026, 1, 1, 3)}, r"start: 2026-01-01 03:00:00"),
    "start as a number": ({"start": 20260101}, r"start: 20260101"),
    "start in year 1": ({"start": date(1, 1, 1)}, r"start: 0001-01-01: .*1800"),
    "start in year 9999": ({"start": date(9999, 12, 31)}, r"start: 9999-12-31: .*2200"),
    "columns as a list": ({"columns": ["shop"]}, r"columns: "),
    "column of no type": ({"columns.spent": "float"}, r"columns.spent: 'float' is not one of"),
    "keys as text": ({"keys": "shop"}, r"keys: 'shop'"),
    "keys that are no columns": ({"keys": ["shop", "vist"]}, r"keys: 'vist' is not among columns"),
    "key that is the label": ({"keys": ["returned"]}, r"keys: 'returned' is known only afterwards"),
    "key with a line break": ({"keys": ["shop\n"]}, r"keys\[0\]: 'shop\\n': must be lower case"),
    "key with SQL": ({"keys": ["x; drop table y"]}, r"keys\[0\]: 'x; drop table y': must be lower case"),
    "key of 64 letters": ({"keys": ["x" * 64]}, r"keys\[0\]: 'x{64}': .*at most 63"),
    "key that Nightshift writes": ({"columns.score": "number", "keys": ["score"]}, r"keys: 'score' is a column that Nightshift writes"),
    "event_time that is text": ({"event_time": "shop"}, r"event_time: 'shop' is text"),
    "no features": ({"features": {}}, r"features: name at least one"),
    "feature that is the label": ({"features.numeric": ["returned"]}, r"features: 'returned' is known only afterwards"),
    "feature from nowhere": ({"features.numeric": ["spend"]}, r"features.numeric\[0\]: 'spend' is neither .*; did you mean 'spent'\?"),
    "feature twice": ({"features.numeric": ["spent", "spent"]}, r"features: named more than once: spent"),
    "derived from nowhere": (derive(column="seen"), r"features.derived.hour: 'seen' is neither .*; did you mean 'seen_at'\?"),
    "derived from text": (derive(column="shop"), r"features.derived.hour: 'shop' is text, not a date"),
    "derived part unknown": (derive(part="hours"), r"features.derived\[0\].part: 'hours' is not one of"),
    "estimator that is an import": ({"training.estimators": [{"kind": "os.system"}]}, r"training.estimators\[0\].kind: 'os.system' is not one of"),
    "parameter NaN": (search(C=[NAN]), r"search.C\[0\]: nan: must be text, a finite number"),
    "parameter as a mapping": (search(C=[{"a": 1}]), r"search.C\[0\]: must be text, a finite number"),
    "parameter without values": (search(C=[]), r"search.C: "),
    "cron of six fields": ({"schedules": {"ingest": "0 0 2 * * *"}}, r"schedules.ingest: '0 0 2 \* \* \*': .*five fields"),
    "cron in minute 61": ({"schedules": {"ingest": "61 2 * * *"}}, r"schedules.ingest: '61 2 \* \* \*'"),
    "cron in words": ({"schedules": {"drift": "@daily"}}, r"schedules.drift: '@daily'"),
    "cron on 31 February": ({"schedules": {"ingest": "0 0 31 2 *"}}, r"schedules.ingest: '0 0 31 2 \*': names no time that ever comes"),
    "cron at random": ({"schedules": {"ingest": "R R * * *"}}, r"schedules.ingest: 'R R \* \* \*'"),
    "time zone unknown": ({"schedules": {"timezone": "Mars/Olympus"}}, r"schedules.timezone: .*no time zone is called 'Mars/Olympus'"),
    "time zone that is a path": ({"schedules": {"timezone": "../../etc/passwd"}}, r"schedules.timezone: '../../etc/passwd'"),
    "path with another placeholder": ({"source.path": "{partition}{secret}"}, r"source: path: \{secret\} is not a placeholder"),
    "path that looks into objects": ({"source.path": "{partition.__class__}"}, r"source: path: \{partition.__class__\} is not a placeholder"),
    "path with half a brace": ({"source.path": "{partition}/{data"}, r"source: path: has a brace without"),
    "path of another scheme": ({"source.path": "ftp://host/{partition}"}, r"source: path: ftp:// is not read"),
    "path without a bucket": ({"source.path": "s3:///{partition}"}, r"source: path: s3:// names no bucket"),
    "path with a password": ({"source.path": f"https://me:{SECRET}@host/{{partition}}"}, r"source.path: .*carries a password"),
    "path with a token": ({"source.path": f"https://host/{{partition}}?token={SECRET}"}, r"source.path: .*carries a password"),
    "delimiter that quotes": ({"source.delimiter": '"'}, r"source.delimiter: '\"': is what CSV quotes with"),
    "delimiter that breaks lines": ({"source.delimiter": "\n"}, r"source.delimiter: '\\n'"),
    "function outside the folder": (python(function="../evil.py:read"), r"source.function: '../evil.py:read'"),
    "function that is an import": (python(function="os:system"), r"source.function: 'os:system'"),
    "param called password": (python(params={"password": SECRET}), r"source: params.password looks like a secret"),
    "param with a password": (python(params={"url": f"postgres://me:{SECRET}@host/d"}), r"source.params.url: .*carries a password"),
    "param as a list": (python(params={"a": [1]}), r"source.params.a: must be text"),
    "choice of another type": (python(params={"a": True}, choices={"a": [1, 2]}), r"params.a is True, which is not among choices.a"),
    "SQL without its day": (sql(url="sqlite:///x", query="select 1"), r"source: query must bind"),
    "SQL with a password": (sql(url=f"postgresql://me:{SECRET}@host/d"), r"source.url: .*carries a password"),
    "retention too short": ({"retention": {"features": 2}}, r"retention.features: 2 days would remove"),
    "policy misspelt": ({"schema": {"policy": "frezze"}}, r"schema.policy: 'frezze' is not one of .*did you mean 'freeze'\?"),
    "floor infinite": ({"gate.floor": INF}, r"gate.floor: inf"),
    "confidence 1": ({"gate.confidence": 1}, r"gate.confidence: 1: "),
    "drift over no day": ({"drift": {"window_days": 0}}, r"drift.window_days: 0: "),
    "connection with a blank": ({"alerts": {"connections": ["a b"]}}, r"alerts.connections\[0\]: 'a b'"),
}  # fmt: skip

GOOD = yaml.safe_dump(SPEC, sort_keys=False)


def swap(old: str, new: str) -> str:
    """A good pipeline.yaml with another text in one place."""
    assert old in GOOD, old
    return GOOD.replace(old, new, 1)


# name: (pipeline.yaml as it is written, what is told)
TEXTS: dict[str, tuple[str | bytes, str]] = {
    "key twice": (f"{GOOD}title: b\n", r":44: title: appears twice \(first: line 1\)"),
    "nested key twice": (swap("window_days: 10", "window_days: 10\n  window_days: 11"), r":38: training.window_days: appears twice"),
    "Python object": ("title: !!python/object/apply:os.system [id]\n", r":1: .*python/object/apply:os.system"),
    "aliases": ("a: &x [1]\nb: *x\n", r":2: .*uses a YAML alias"),
    "alias bomb": ("a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)), r":2: .*uses a YAML alias"),
    "depth bomb": ("a: " + "[" * 100_000, r":1: .*nested more than 50 levels"),
    "ten megabytes": ("x: " + "a" * 10_000_000, r"is larger than 262144 bytes"),
    "two documents": (f"{GOOD}---\ntitle: b\n", r":44: .*another document"),
    "tab": ("title:\n\tx: 1\n", r":2: is not valid YAML"),
    "list": ("- a\n", r"must be a mapping"),
    "scalar": ("hello\n", r"must be a mapping"),
    "nothing": ("", r"must be a mapping"),
    "comment alone": ("# later\n", r"must be a mapping"),
    "Norway": (swap("task: classification", "task: no"), r":3: task: False is not one of"),
    "octal": (swap("window_days: 10", "window_days: 010"), r":37: .*eights or sixties"),
    "sexagesimal": (swap("window_days: 10", "window_days: 1:30"), r":37: .*eights or sixties"),
    "30 February": (swap("2026-01-01", "2026-02-30"), r":2: .*day is out of range"),
    "year 0": (swap("2026-01-01", "0000-01-01"), r":2: .*year 0 is out of range"),
    "year 10000": (swap("2026-01-01", "10000-01-01"), r":2: start: '10000-01-01'"),
    "number of 5000 digits": (swap("window_days: 10", f"window_days: {'9' * 5000}"), r":37: .*a int that is not valid"),
    "Jinja": (swap("title: Visits per shop", "title: {{ var.value.x }}"), r":1: is not valid YAML"),
    "list as a key": (f"? [a, b]\n: 1\n{GOOD}", r":1: .*unhashable key"),
    "NUL escaped": (swap("Visits per shop", '"a\\0b"'), r":1: .*control character"),
    "lone surrogate": (swap("Visits per shop", '"\\ud800"'), r":1: .*(control character|invalid Unicode character)"),
    "NUL": (b"title: a\0b\n", r":1: .*control character"),
    "terminal codes": (b"title: \x1b[31mred\n", r":1: .*control character"),
    "UTF-16": (GOOD.encode("utf-16"), r"is not UTF-8 text"),
    "Latin-1": (GOOD.replace("Visits", "Köln").encode("latin-1"), r"is not UTF-8 text"),
    "binary": (bytes(range(256)), r"is not UTF-8 text"),
}  # fmt: skip
# What looks odd and is in order.
ACCEPTED = {"byte order mark": b"\xef\xbb\xbf" + GOOD.encode(), "CRLF": GOOD.replace("\n", "\r\n").encode()}


def expect(name: str = "values_to_not_be_null", **arguments: Any) -> dict[str, Any]:
    return {"rows": [{f"expect_column_{name}": {"column": "shop", **arguments}}]}


# name: (expectations.yaml, what is told)
SUITES: dict[str, tuple[Any, str]] = {
    "nothing": ("\n", r"must be a mapping"),
    "empty list": ({"rows": []}, r"holds no expectation"),
    "unknown expectation": (expect("values_to_be_nul"), r":1: rows: .*did you mean 'expect_column_values_to_be_null'\?"),
    "batch's among rows'": ({"rows": [{"expect_table_row_count_to_equal": {"value": 3}}]}, r":1: rows: not a row expectation"),
    "unknown column": (expect(column="shp"), r":2: rows\[0\].*'shp' is not among columns.*did you mean 'shop'\?"),
    "column as a number": (expect(column=3), r":2: rows\[0\].*column: '3' must be the name"),
    "columns as text": (expect("x", column_list="shop"), r":2: rows\[0\].*column_list: 'shop' must be a list"),
    "columns as a number": (expect("x", column_list=5), r":2: rows\[0\].*column_list: '5' must be a list"),
    "regex that is not valid": (expect("values_to_match_regex", regex="("), r":2: rows\[0\].*regex: '\(' is not a regular expression"),
    "regex in a list": (expect("values_to_match_regex_list", regex_list=["a", "["]), r":2: rows\[0\].*is not a regular expression"),
    "mostly 2": (expect(mostly=2), r":2: rows\[0\].*mostly: '2' must be a number from 0 to 1"),
    "mostly as text": (expect(mostly="0.9"), r":2: rows\[0\].*mostly: '0.9' must be"),
    "mostly true": (expect(mostly=True), r":2: rows\[0\].*mostly: 'True' must be"),
    "mostly NaN": (expect(mostly=NAN), r":2: rows\[0\].*mostly: nan must hold finite"),
    "least above most": (expect("values_to_be_between", min_value=9, max_value=1), r":2: rows\[0\].*min_value: 9 is more than max_value, 1"),
    "set without values": (expect("values_to_be_in_set", value_set=[]), r":2: rows\[0\].*value_set: .* not empty"),
    "condition that runs code": (expect(row_condition="@pd.io.common.os.system('id')"), r":2: rows\[0\].*row_condition: is not an argument"),
    "arguments as text": ({"rows": [{"expect_column_values_to_not_be_null": "shop"}]}, r":2: rows\[0\].*'shop'"),
    "share 1": ({**SUITE, "max_quarantined_share": 1}, r":4: max_quarantined_share: 1: "),
    "share NaN": ({**SUITE, "max_quarantined_share": NAN}, r":4: max_quarantined_share: nan: "),
}  # fmt: skip
# What only Great Expectations or the folder's code can tell; `check` refuses it.
DEEP_SUITES: dict[str, tuple[Any, str]] = {
    "wrong argument": (expect("values_to_be_between", minn=3), r":2: rows\[0\]: .*minn: extra fields not permitted"),
    "missing argument": (expect("values_to_be_between"), r":2: rows\[0\]: .*cannot both be None"),
    "wrong date format": (expect("values_to_match_strftime_format", strftime_format="%Q"), r":2: rows\[0\]: .*'%Q'"),
}
CODE: dict[str, tuple[str, str]] = {
    "syntax error": ("def build_features(", r"features.py can't be loaded: SyntaxError"),
    "missing function": ("def build_feature(rows, history): return rows", r"did you mean 'build_feature'\?"),
    "import error": ("import no_such_module", r"No module named 'no_such_module'"),
    "exits": ("raise SystemExit(3)", r"features.py can't be loaded: SystemExit"),
    "raises": ("raise RuntimeError('two\\nlines')", r"RuntimeError: two lines"),
}

FOLDERS = ("Shops", "s" * 64, "x; drop table y", "a'b", 'a"b', "a\nb", "shops\n", "\u0455hops", "shops_latest",
           "shops_2026_01", "1shop", "sho ps", "shop.yaml", "a\x1b[2J")  # fmt: skip
FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "folder": (Path.mkdir, r"is not a file"),
    "FIFO": (os.mkfifo, r"is not a file"),
    "dangling link": (lambda path: path.symlink_to("/nowhere/at/all"), r"is missing"),
    "link to itself": (lambda path: path.symlink_to(path), r"is missing"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), r"is not a file"),
    "link to another file": (lambda path: path.symlink_to("/etc/passwd"), r"is not valid YAML|must be a mapping"),
}


def connection(**changes: Any) -> dict[str, Any]:
    return {"airflow": {"connections": [{"conn_id": "a", "conn_type": "postgres", **changes}]}}


SETTINGS: dict[str, tuple[Any, str]] = {
    "nothing": ("", r"must be a mapping"),
    "unknown section": ({"airflow": {"conections": []}}, r":2: airflow.conections: .*did you mean 'connections'\?"),
    "port as text": (connection(conn_port="5432"), r":5: .*conn_port: '5432'"),
    "port 70000": (connection(conn_port=70_000), r":5: .*conn_port: 70000"),
    "password as a number": (connection(conn_password=1234), r":5: .*conn_password: \(hidden\)"),
    "password as a list": (connection(conn_password=[SECRET]), r":5: .*conn_password: "),
    "password like a tag": (f"airflow:\n  connections:\n  - conn_password: !{SECRET} x\n", r":3: is not valid YAML"),
    "password like an anchor": (f"airflow:\n  connections:\n  - conn_password: *{SECRET}\n", r":3: .*alias"),
    "password twice": (f"airflow:\n  connections:\n  - conn_id: a\n    conn_type: fs\n    conn_password: {SECRET}\n    conn_password: {SECRET}\n", r":6: .*conn_password: appears twice"),
    "address that is not valid": (connection(conn_uri=SECRET), r":3: .*is not a connection's URI"),
    "address with a port in words": (connection(conn_uri=f"postgres://me:{SECRET}@host:x/d"), r":3: .*has a port"),
    "extra that is no JSON": (connection(conn_extra=f"{{{SECRET}"), r":[345]: .*conn_extra: \(hidden\)"),
    "id with a blank": (connection(conn_id="a b"), r":3: .*conn_id: 'a b'"),
    "id twice": ({"airflow": {"connections": [{"conn_id": "a", "conn_type": kind} for kind in ("fs", "aws")]}}, r":5: .*'a' appears twice \(first: line 3\)"),
    "pool without slots": ({"airflow": {"pools": [{"pool_name": "a", "pool_slot": 0}]}}, r":4: .*pool_slot: 0"),
    "Python name": ("airflow: !!python/name:os.system\n", r":1: .*python/name:os.system"),
}  # fmt: skip

ARGUMENTS: dict[str, str] = {
    "run flihgts ingest": r"'flihgts'; did you mean 'flights'\?",
    "run ../flights ingest": r"No pipeline is called '../flights'",
    "run flights inges": r"KIND: invalid choice: 'inges'",
    "run flights ingest --partition 2026-2-3": r"--partition: '2026-2-3' is not a date",
    "run flights ingest --partition 2026-02-30": r"--partition: '2026-02-30' is not a date",
    "run flights ingest --partition 9999-12-31": r"--partition: '9999-12-31' is not between",
    "run flights ingest --partition '2026\n\x1b[2J'": r"--partition: '2026\\n\\x1b\[2J' is not a date",
    "run flights ingest --from 2026-01-02 --to 2026-01-01": r"--to that is not before it",
    "run flights ingest --from 2026-01-02": r"give both --from and --to",
    "run flights ingest --from 1800-01-01 --to 2200-12-31": r"1800-01-01 --to 2200-12-31: at most 3660 days",
    "run flights train --from 2017-01-01 --to 2017-01-02": r"train takes one day",
    "run flights ingest --set scenario": r"--set: 'scenario' is not KEY=VALUE",
    "run flights ingest --set scenario=drift": r"--set scenario=… is not known",
    "run churn ingest --set scenaro=drift": r"scenaro=… is not known; did you mean 'scenario'\?",
    "run churn ingest --set scenario=drfit": r"scenario='drfit' is not one of .*did you mean 'drift'\?",
    "run churn ingest --set scenario=drift --set scenario=drift": r"--set scenario=… is given twice",
    "run churn ingest --set subscribers=many": r"subscribers='many' is not of the type",
    "run churn score --set version=0": r"--set version: '0' is not the number",
    "run churn score --set version=1e99": r"--set version: '1e99' is not the number",
    "run churn score --set version=²": r"--set version: '²' is not the number",
    "run churn score --set version=99999999999": r"--set version: '99999999999' is not the number",
    "run churn score --set 'version=1; drop table x'": r"--set version: '1; drop table x' is not the number",
    "run churn score --as-of '{{ var.value.x }}'": r"as_of=\{\{ var.value.x \}\}: is neither",
    "run churn score --as-of 2026-01-01 --set as_of=2026-01-01": r"give --as-of or --set as_of",
    "run churn train --set train_from=2026-03-05 --set train_to=2026-03-01": r"train_from=2026-03-05 is after",
    "run churn drift --as-of 2026-13-01": r"as_of: '2026-13-01' is not a date",
    "run churn drift --as-of 2026-01-01 --partition 2026-01-02": r"give --partition or as_of",
    "promote churn -- -1 --reason x": r"VERSION: '-1' is not the number|required: --reason",
    "promote churn 99999999999 --reason x": r"VERSION: '99999999999' is not the number",
    "promote churn 1 --reason ' '": r"--reason: is empty",
    "rollback churn --reason x --rescore-from 2026-01-05 --rescore-to 2026-01-01": r"from 2026-01-05 to 2026-01-01",
    "replay churn --from 2026-03-02 --to 2026-03-01": r"--to 2026-03-01 is before --from 2026-03-02",
    "replay churn --from 2026-03-01 --to 2026-03-09 --report /nowhere/x.json": r"/nowhere does not exist",
    "up --port 70000": r"--port: '70000' is not a whole number from 1 to 65535",
    "up --port -1": r"--port: '-1' is not a whole number|--port: expected one argument",
    "maintenance --pipeline nope": r"No pipeline is called 'nope'",
    "maintenance --grace 1": r"--grace: '1' is not a whole number from 3",
    "quarantine churn --from 2026-01-02 --to 2026-01-01": r"--from 2026-01-02 is after",
    "quarantine churn --csv /nowhere/x.csv": r"/nowhere does not exist",
    "status ''": r"No pipeline is called ''",
    "check 'a\0b'": r"No pipeline is called 'a\\x00b'",
    f"check {'x' * 5000}": r"No pipeline is called 'x{100}'",
    "models churn '\x1b[2J\n'": r"unrecognized arguments: \\x1b\[2J\\n",
    "stauts": r"invalid choice: 'stauts'",
}

# DAG, run configuration, what is told; the first part is refused when the run is triggered.
CONFS: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown key": ("ingest", {"partitoin": "2026-11-20"}, r"'partitoin'.*did you mean 'partition'"),
    "a key of another DAG": ("train", {"partition": "2026-11-20"}, r"'partition', which this DAG has no param for"),
    "key with a line break": ("score", {"a\nb": 1}, r"'a\\nb'"),
    "partition as written by hand": ("ingest", {"partition": "2026-2-3"}, r"partition"),
    "partition on 30 February": ("ingest", {"partition": "2026-02-30"}, r"partition"),
    "partition as a list": ("ingest", {"partition": ["2026-11-20"]}, r"partition"),
    "partition as a number": ("score", {"partition": 20261120}, r"partition"),
    "partition with SQL": ("score", {"partition": "2026-11-20'; drop table x"}, r"partition"),
    "partition with Jinja": ("score", {"partition": "{{ ds }}"}, r"partition"),
    "version 0": ("score", {"version": 0}, r"version"),
    "version -1": ("score", {"version": -1}, r"version"),
    "version 1e99": ("score", {"version": 1e99}, r"version"),
    "version 1.5": ("score", {"version": 1.5}, r"version"),
    "version with SQL": ("score", {"version": "1; drop table x"}, r"version"),
    "version true": ("score", {"version": True}, r"version"),
    "version beyond PostgreSQL's": ("rollback", {"version": 2**31, "reason": "x"}, r"version"),
    "reason blank": ("rollback", {"reason": "  "}, r"reason"),
    "no reason": ("rollback", {}, r"reason"),
    "reason of 1001 letters": ("train", {"reason": "x" * 1001}, r"reason"),
    "scenario that there is not": ("ingest", {"scenario": "drfit"}, r"scenario"),
    "subscribers in words": ("ingest", {"subscribers": "many"}, r"subscribers"),
    "subscribers true": ("ingest", {"subscribers": True}, r"subscribers"),
    "action that there is not": ("quarantine", {"action": "delete"}, r"action"),
    "dry run as text": ("maintenance", {"dry_run": "yes"}, r"dry_run"),
    "grace 0": ("maintenance", {"grace": 0}, r"grace"),
}
KEYS = ("2026-2-3", "2026-02-30", "10000-01-01", "9999-12-31", "0001-01-01", "20260203", "2026-W01-1", "{{ ds }}",
        "2026-11-20'; drop table x", " 2026-11-20", "2026-11-20\n", "\u0662\u0660\u0662\u0666-11-20")  # fmt: skip
