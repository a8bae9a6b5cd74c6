"""The dashboard's typeface, served from the installed package: no font file in the project, nothing from outside."""

from __future__ import annotations

from importlib.resources import files

from starlette.responses import FileResponse
from starlette.routing import BaseRoute, Route

MANROPE = "/fonts/Manrope.ttf"
"""The address that `.streamlit/config.toml` names."""


def routes() -> list[BaseRoute]:
    """One route: Manrope with all its weights (SIL Open Font License), to be kept by the browser for a week."""
    path = str(files("font_manrope") / "files" / "Manrope-VariableFont_wght.ttf")

    async def manrope(_: object) -> FileResponse:
        return FileResponse(path, media_type="font/ttf", headers={"cache-control": "public, max-age=604800"})

    return [Route(MANROPE, manrope)]
