"""Tell whether the server runs, and what it serves."""

from __future__ import annotations

import importlib.metadata
import platform

from mockserver import exporter
from mockserver.actions import Result, Scope
from mockserver.admin import document, figures
from mockserver.admin.desk import Desk
from mockserver.exchange import Response


def health(desk: Desk, scope: Scope) -> Result:
    """Answer that the process serves."""
    return Result({"status": "ok"})


def ready(desk: Desk, scope: Scope) -> Result:
    """Answer that there is a world to ask about."""
    return Result({"status": "ready", "scenario": desk.hub.sessions.default.scenario.name})


def version(desk: Desk, scope: Scope) -> Result:
    """Answer which versions run here."""
    api = desk.hub.application.api
    info = api.spec.document["info"]
    try:
        own = importlib.metadata.version("waldur-mockserver")
    except importlib.metadata.PackageNotFoundError:
        own = "unknown"
    return Result(
        {
            "version": own,
            "python": platform.python_version(),
            "api": {"title": info["title"], "version": info["version"]},
            "operations": len(api.operations),
        }
    )


def metrics(desk: Desk, scope: Scope) -> Result:
    """Answer figures in the text format of Prometheus; Missing without its library."""
    body, media_type = figures.written(desk.hub)
    desk.instead = Response(200, {"Content-Type": media_type}, body)
    return Result()


def api_document(desk: Desk, scope: Scope) -> Result:
    """Answer the description of the API that is served."""
    return Result(exporter.openapi(desk.hub.application.api.spec.document))


def admin_document(desk: Desk, scope: Scope) -> Result:
    """Answer the description of this API."""
    return Result(exporter.openapi(document.spec().document))
