"""The routes. Airflow leaves those of plugins open, so this app guards them: a login and the right to see plugins."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import HTMLResponse, JSONResponse, Response

from nightshift_pages.access import Access, find_access
from nightshift_pages.overview import Overview, read_overview
from nightshift_pages.rendering import CONTENT_SECURITY_POLICY, render_page

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
    return app


async def add_safe_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """What a browser must not do with anything that comes from here, errors included."""
    response = await call_next(request)
    response.headers.update(SAFE_HEADERS)
    return response


def show_overview(request: Request, access: Annotated[Access, Depends(find_access)]) -> HTMLResponse:
    """The page: every pipeline that the user may see, at a glance."""
    overview = read_overview(access)
    root = request.scope.get("root_path", "").removesuffix("/nightshift")
    return HTMLResponse(render_page("overview.html", overview=overview, root=root), choose_status(overview))


def list_status(access: Annotated[Access, Depends(find_access)]) -> JSONResponse:
    """The same as JSON."""
    overview = read_overview(access)
    return JSONResponse(jsonable_encoder(asdict(overview)), choose_status(overview))


def choose_status(overview: Overview) -> int:
    """503 where the warehouse does not answer: the page says so, and a monitor notices."""
    return 503 if overview.problem else 200
