"""Saying things aloud where the browser has no voice of its own: `POST /api/speech`.

The sentence comes with the code that the page was given for it (`web.speaking`), so the server says nothing
but its own words, also to who is not signed in: a customer's phone has its texts read out too.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from openhall.app.build import App
from openhall.app.spoken import plain
from openhall.devices.speech import TEXT_CHARACTERS_MAX
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.web.guarding import ANYONE
from openhall.web.problems import RESPONSES, Refused
from openhall.web.rates import Rates, network_address

SAID_PER_MINUTE_AT_MOST = 90
"""Sentences for one place in the network: a hall's screens behind one address, a page read out by phones."""


class Sentence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sentence of ours with its code, as the page carried them."""

    language: Language
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARACTERS_MAX)]
    code: Annotated[str, msgspec.Meta(min_length=16, max_length=16)]


@post(
    "/api/speech",
    summary="A sentence of ours as sound",
    tags=["devices"],
    status_code=200,
    opt=ANYONE,
    responses={200: ResponseSpec(bytes, media_type="audio/wav", description="A WAV file")} | RESPONSES,
)
async def speech(request: Request[Any, Any, Any], data: JSONBody[Sentence]) -> Response[bytes]:
    """Sound of a sentence that a page of this server carried, with the code beside it."""
    app: App = request.app.state.openhall
    rates: Rates = request.app.state.rates
    if not rates.note(f"speech {network_address(request)}", SAID_PER_MINUTE_AT_MOST, app.wall.now_ms()):
        raise Refused(Refusal("too_many_requests"))
    if not app.spoken.is_ours(data.language, data.text, data.code):
        raise Refused(Refusal("sentence_not_ours", "code"))
    sound = await app.speech.sound(data.language, plain(data.text))
    return Response(sound, media_type="audio/wav")


HANDLERS: list[Any] = [speech]
