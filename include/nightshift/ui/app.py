"""The routes. Airflow leaves those of plugins open, so this app guards them: a login and the right to see plugins."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, Path, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import HTMLResponse, JSONResponse, Response

from nightshift.errors import NightshiftError, TemporarilyUnavailable
from nightshift.io.registry.cards import MIME_TYPES, CardFormat, CardKind
from nightshift.ui import models, quarantine
from nightshift.ui.access import Access, find_access
from nightshift.ui.overview import Overview, read_overview
from nightshift.ui.rendering import CARD_POLICY, CONTENT_SECURITY_POLICY, render_page

Allowed = Annotated[Access, Depends(find_access)]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
SAFE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def make_app() -> FastAPI:
    """All pages. No generated docs: those routes would ignore the dependencies and stay open to anyone."""
    guard = Depends(requires_access_view(AccessView.PLUGINS))
    app = FastAPI(title="Nightshift", dependencies=[guard], docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(add_safe_headers)
    app.get("/", response_class=HTMLResponse)(show_overview)
    app.get("/api/status")(list_status)
    app.get("/models/{pipeline}", response_class=HTMLResponse)(show_models)
    app.get("/quarantine/{pipeline}", response_class=HTMLResponse)(show_quarantine)
    app.get("/cards/{pipeline}/{version}/{kind}")(show_card)
    app.get("/cards/{pipeline}/{version}/{kind}/json")(download_card)
    return app


async def add_safe_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """What a browser must not do with anything that comes from here, errors included."""
    response = await call_next(request)
    for name, value in SAFE_HEADERS.items():
        # A card brings a policy of its own, a stricter one.
        response.headers.setdefault(name, value)
    return response


def find_root(request: Request) -> str:
    """The path below which Airflow itself is served."""
    path: str = request.scope.get("root_path", "")
    return path.removesuffix("/nightshift")


def show_overview(request: Request, access: Allowed) -> HTMLResponse:
    """The page: every pipeline that the user may see, at a glance."""
    overview = read_overview(access)
    page = render_page("overview.html", overview=overview, root=find_root(request))
    return HTMLResponse(page, choose_status(overview))


def list_status(access: Allowed) -> JSONResponse:
    """The same as JSON."""
    overview = read_overview(access)
    return JSONResponse(jsonable_encoder(asdict(overview)), choose_status(overview))


def choose_status(overview: Overview) -> int:
    """503 where the warehouse does not answer: the page says so, and a monitor notices."""
    return 503 if overview.problem else 200


def show_models(request: Request, access: Allowed, pipeline: str) -> HTMLResponse:
    """Every version of one pipeline, with links to its cards."""
    config = models.find_config(access, pipeline)
    if config is None:
        return refuse(request, 404, "No such pipeline", f"There is no pipeline {pipeline} that you may see.")
    values: dict[str, Any] = {"config": config, "root": find_root(request), "models": [], "problem": None}
    try:
        values["models"] = models.read_models(config)
    except NightshiftError as problem:
        return HTMLResponse(render_page("models.html", **{**values, "problem": str(problem)}), 503)
    return HTMLResponse(render_page("models.html", **values))


def show_quarantine(request: Request, access: Allowed, pipeline: str) -> HTMLResponse:
    """The rows of one pipeline that failed a check, by reason, and how to replay them."""
    config = models.find_config(access, pipeline)
    if config is None:
        return refuse(request, 404, "No such pipeline", f"There is no pipeline {pipeline} that you may see.")
    values: dict[str, Any] = {"config": config, "root": find_root(request), "found": None, "problem": None}
    try:
        values["found"] = quarantine.read_quarantine(config)
    except NightshiftError as problem:
        status = 503 if isinstance(problem, TemporarilyUnavailable) else 500
        return HTMLResponse(render_page("quarantine.html", **{**values, "problem": str(problem)}), status)
    return HTMLResponse(render_page("quarantine.html", **values))


def show_card(request: Request, access: Allowed, pipeline: str, version: Version, kind: CardKind) -> Response:
    """A version's model card or data card."""
    return answer_card(request, access, (pipeline, version, kind), "html")


def download_card(request: Request, access: Allowed, pipeline: str, version: Version, kind: CardKind) -> Response:
    """The same as JSON."""
    return answer_card(request, access, (pipeline, version, kind), "json")


def answer_card(request: Request, access: Access, asked: tuple[str, int, CardKind], form: CardFormat) -> Response:
    """The card out of the lake, if the user may see its pipeline; without the right to run or fetch anything."""
    pipeline, version, kind = asked
    config = models.find_config(access, pipeline)
    try:
        content = models.read_card(config, version, kind, form) if config else None
    except NightshiftError as problem:
        status = 503 if isinstance(problem, TemporarilyUnavailable) else 500
        return refuse(request, status, "The card can't be shown", str(problem))
    if content is None:
        return refuse(
            request, 404, "No such card", f"There is no {kind} card of {pipeline} {version} that you may see."
        )
    headers = {"Content-Security-Policy": CARD_POLICY}
    if form == "json":
        headers["Content-Disposition"] = f'attachment; filename="{pipeline}-{version}-{kind}.json"'
    return Response(content, media_type=MIME_TYPES[form], headers=headers)


def refuse(request: Request, status: int, headline: str, problem: str) -> HTMLResponse:
    """A page that says why there is nothing to see."""
    return HTMLResponse(
        render_page("missing.html", headline=headline, problem=problem, root=find_root(request)), status
    )
