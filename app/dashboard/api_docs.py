"""The API's documentation at `/docs`, from vendored files only: works with no internet and under the strict CSP."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.dashboard.rendering import render


def add_api_docs(app: FastAPI) -> None:
    """Add the page `/docs` to an application made with `docs_url=None, redoc_url=None`."""

    async def show_api_docs(request: Request) -> HTMLResponse:
        prefix = str(request.scope.get("root_path", "")).rstrip("/")
        return render(request, "api_docs.html", {"title": app.title, "openapi_url": f"{prefix}{app.openapi_url}"})

    app.add_api_route("/docs", show_api_docs, methods=["GET"], include_in_schema=False, response_class=HTMLResponse)
