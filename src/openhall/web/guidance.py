"""Guidance at triage, spoken [C1]: what to have ready, and another way as an offer, sentence by sentence."""

from __future__ import annotations

from openhall.app.build import App
from openhall.app.language import say
from openhall.hall.policy import DayRules
from openhall.kernel.text import Language

Spoken = dict[str, str]
"""`text`, `language` and the `code` that proves it ours, as `openhall.speak` takes them."""


def spoken_guidance(app: App, rules: DayRules, language: Language) -> dict[str, dict[str, list[Spoken]]]:
    """`needs`: what to have ready, by need; `offers`: the offer, by triage rule."""

    def sentence(text: str) -> Spoken:
        return {"text": text, "language": language, "code": app.spoken.code(language, text)}

    between = say(language, ", ")
    needs = {}
    for service in rules.services:
        for need in service.needs:
            said = [sentence(need.name.get(language))]
            if need.documents:
                listed = between.join(document.get(language) for document in need.documents)
                said.append(sentence(say(language, "Please have ready: {documents}.", documents=listed)))
            needs[need.code] = said
    offers = {}
    for rule in rules.triage:
        offer = say(language, "If you would rather not wait: {offer}", offer=rule.says.get(language))
        offers[rule.id] = [sentence(offer), sentence(say(language, "Your place is kept meanwhile."))]
    return {"needs": needs, "offers": offers}
