"""An S3 server that is in trouble: steps pass or say that they may be tried again, and never take a wrong byte."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nightshift.errors import TemporarilyUnavailable
from nightshift.io.lake.base import CorruptObject, ObjectRef, fetch_verified, store_file
from nightshift.io.lake.s3 import S3Lake, make_s3_client
from nightshift.io.sources.fetching import http
from nightshift.io.sources.fetching.fetch import Fetcher
from tests.faults.chain import POINTERS
from tests.faults.s3_proxy import FAULTS, Plan, connect_impatiently, run_proxy
from tests.faults.steps import NIGHT, call_step, make_arguments
from tests.integration.kit import World
from tests.s3_server import S3Server

Observe = Callable[..., None]
SEED, SHARE = 20261121, 0.3
NIGHTLY = ("extract", "validate", "build_features", "score", "publish", "plan", "publish_planned")
TRAINING = ("assemble", "fit", "evaluate", "gate", "cards")
MAX_TRIES = 25
ROWS_BUT_TIMES = "select shop, visit, score, decision, model_version from scores.shops order by 1, 2"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries at once: how long the libraries wait in between is theirs."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    monkeypatch.setattr(http, "RETRY", http.RETRY.new(backoff_factor=0))
    monkeypatch.setattr(http, "TIMEOUT", (1, 1))


@pytest.fixture
def faulty(s3_server: S3Server) -> Iterator[tuple[S3Server, Plan]]:
    """The server behind a proxy that does nothing yet."""
    with run_proxy(s3_server, SEED) as proxied:
        yield proxied


def open_lakes(faulty: tuple[S3Server, Plan], s3_server: S3Server) -> tuple[S3Lake, S3Lake]:
    """A new bucket, seen through the proxy and directly."""
    bucket = s3_server.make_bucket()
    through = S3Lake(make_s3_client(connect_impatiently(faulty[0], bucket)), bucket)
    return through, S3Lake(make_s3_client(s3_server.make_connection(bucket)), bucket)


def move_to_bucket(world: World, through: S3Lake, direct: S3Lake) -> World:
    """The same world with its lake in the bucket; the champion's objects are there already."""
    old = world.lake.root.as_uri() + "/"
    for uri in list(world.lake.list_uris("")):
        direct.put_file(uri.removeprefix(old), world.find_file(uri))
    pair = {"old": old, "new": f"s3://{direct.bucket}/"}
    for table in ("ml.ledger", "ml.cards"):
        world.change(f"update {table} set object_uri = replace(object_uri, :old, :new)", **pair)
    for name in ("artifact_uri", "reference_uri", "golden_uri"):
        statement = f"update ml.model_versions set {name} = replace({name}, :old, :new)"
        world.change_history("ml.model_versions", statement, **pair)
    return replace(world, resources=replace(world.resources, lake=through))


def insist(world: World, step: str, done: dict[str, Any]) -> None:
    """Call the step as Airflow does: again, where it says that it may be tried again; anything else is a failure."""
    for _ in range(MAX_TRIES):
        try:
            outcome = call_step(step, world.config, world.resources, make_arguments(step, done))
        except TemporarilyUnavailable as error:
            assert "s3://" in str(error)
            continue
        assert outcome.status == "done", outcome.reason
        done[step] = outcome.figures
        return
    raise AssertionError(f"{step} did not pass in {MAX_TRIES} tries")


def run_disturbed(
    world: World, s3_server: S3Server, faulty: tuple[S3Server, Plan], tmp_path: Path, steps: tuple[str, ...]
) -> None:
    """The steps on the disturbed server leave the rows that they leave in a folder, and whole objects."""
    world.run_night(NIGHT)
    expected = world.ask(ROWS_BUT_TIMES)
    world.change("delete from scores.shops")
    through, direct = open_lakes(faulty, s3_server)
    moved, done = move_to_bucket(world, through, direct), dict[str, Any]()
    faulty[1].share = SHARE
    for step in steps:
        insist(moved, step, done)
    faulty[1].share = 0.0
    assert world.ask(ROWS_BUT_TIMES) == expected
    for uri, sha256 in world.ask(POINTERS):
        fetch_verified(direct, ObjectRef(uri, sha256, 0), tmp_path / "object")


@pytest.mark.guarantee(16)
def test_a_night_on_a_server_in_trouble_leaves_the_right_rows(
    champion_world: World, s3_server: S3Server, faulty: tuple[S3Server, Plan], tmp_path: Path, observe: Observe
) -> None:
    run_disturbed(champion_world, s3_server, faulty, tmp_path, NIGHTLY)
    assert faulty[1].injected >= 5
    observe(faults=faulty[1].injected, nights=1)


@pytest.mark.thorough
@pytest.mark.guarantee(16)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_night_and_a_training_on_a_server_in_trouble(
    champion_world: World, s3_server: S3Server, tmp_path: Path, fault: str, observe: Observe
) -> None:
    with run_proxy(s3_server, FAULTS.index(fault)) as faulty:
        faulty[1].faults = (fault,)
        run_disturbed(champion_world, s3_server, faulty, tmp_path, NIGHTLY + TRAINING)
        observe(faults=faulty[1].injected, nights=1)


@pytest.mark.guarantee(16)
@pytest.mark.parametrize(
    # A stall takes as long as the client is patient, times its tries.
    "fault",
    [pytest.param(name, marks=pytest.mark.thorough if name == "stall" else ()) for name in FAULTS],
)
def test_a_server_that_is_never_well_may_be_tried_again_later(
    s3_server: S3Server, faulty: tuple[S3Server, Plan], tmp_path: Path, fault: str
) -> None:
    """Every kind of call; the message names the address and the connection."""
    through, direct = open_lakes(faulty, s3_server)
    path, copy = tmp_path / "file", tmp_path / "copy"
    path.write_bytes(b"x" * 100_000)
    uri = direct.put_file("raw/a", path)
    faulty[1].share, faulty[1].faults = 1.0, (fault,)
    uses: list[Callable[[], Any]] = [lambda: through.put_file("raw/b", path), lambda: through.get_file(uri, copy)]
    for use in uses:
        with pytest.raises(TemporarilyUnavailable, match=rf"s3://{direct.bucket}/raw/.*'nightshift_lake'"):
            use()
    assert not copy.exists()


@pytest.mark.guarantee(16)
@pytest.mark.parametrize("kind", ["s3", pytest.param("http", marks=pytest.mark.thorough)])
def test_a_source_behind_a_faulty_connection_comes_whole_or_not_at_all(
    s3_server: S3Server, faulty: tuple[S3Server, Plan], tmp_path: Path, kind: str, observe: Observe
) -> None:
    _, direct = open_lakes(faulty, s3_server)
    content = bytes(range(256)) * 2000
    (tmp_path / "file").write_bytes(content)
    address = direct.put_file("raw/a.csv", tmp_path / "file")
    connection = connect_impatiently(faulty[0], direct.bucket)
    if kind == "http":
        wanted = {"Bucket": direct.bucket, "Key": "raw/a.csv"}
        address = make_s3_client(connection).generate_presigned_url("get_object", Params=wanted)
    fetcher = Fetcher(connection if kind == "s3" else None)
    faulty[1].share, came = 0.5, 0
    for _ in range(12):
        try:
            assert [file.path.read_bytes() for file in fetcher.fetch(address)] == [content]
            came += 1
        except TemporarilyUnavailable as error:
            assert direct.bucket in str(error)
            assert "Signature" not in str(error)
    assert came > 0
    observe(faults=faulty[1].injected)


@pytest.mark.guarantee(16)
def test_a_turned_bit_on_the_way_is_noticed(s3_server: S3Server, faulty: tuple[S3Server, Plan], tmp_path: Path) -> None:
    through, direct = open_lakes(faulty, s3_server)
    (tmp_path / "file").write_bytes(b"x" * 1000)
    right = store_file(direct, "raw/a", tmp_path / "file", 0)
    faulty[1].share, faulty[1].faults = 1.0, ("turned bit",)
    with pytest.raises(CorruptObject, match="was changed"):
        fetch_verified(through, right, tmp_path / "copy")
