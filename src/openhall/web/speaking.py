"""What a page's texts carry so that they can be said aloud: see `static/speech.js` and `web.speech`."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from openhall.app.build import App
from openhall.app.spoken import plain
from openhall.devices.speech import TEXT_CHARACTERS_MAX
from openhall.kernel.text import Language


def spoken(app: App, language: Language) -> Callable[[str], Markup]:
    """For templates: `<p {{ spoken(text) }}>` lets `openhall.speak` say it, by the server if need be."""

    def attributes(text: str) -> Markup:
        said = plain(text)[:TEXT_CHARACTERS_MAX]
        code = app.spoken.code(language, said)
        return Markup('data-say="{}" data-say-code="{}" data-say-language="{}"').format(said, code, language)

    return attributes
