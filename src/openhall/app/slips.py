"""What is printed for a customer: the number, and what a colleague told at triage [C1, C16]. Both languages,
because nobody asks a printer for another one; nothing on paper says who somebody is, or why served earlier.
"""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from openhall.app.language import say
from openhall.app.telling import wait_words
from openhall.devices.slip import Code, Gap, Line, Part, Rule, Size, Slip
from openhall.hall.model.state import HallState, Ticket
from openhall.hall.model.waits import Waits
from openhall.hall.policy import DayRules
from openhall.kernel.clock import to_datetime
from openhall.kernel.text import Language, Text
from openhall.network.model import Branch, Need, Service, TriageRule

LANGUAGES: tuple[Language, ...] = ("zh", "en")


def ticket_slip(state: HallState, ticket: Ticket, waits: Waits, address: str) -> Slip:
    """The number with its place, as it stands now; `address` is its page, empty where none is known."""
    rules = state.day_rules
    service = state.service(ticket.service_id)
    wait = waits.of_ticket(ticket.id)
    parts: list[Part] = [*_head(rules), Line(ticket.number, size="huge", is_bold=True)]
    if service is not None:
        parts += _names(service.name, size_zh="large")
    parts.append(Rule())
    if wait is not None:
        for language in LANGUAGES:
            ahead = say(language, "People ahead of you: {n}", n=wait.people_ahead)
            likely = say(language, "Likely wait: {wait}", wait=wait_words(language, wait, rules))
            parts += [Line(ahead, size="normal"), Line(likely, size="normal", is_bold=True)]
            parts.append(Gap())
    parts += both("Your number appears on the screen and is called out.")
    if address:
        parts += [Gap(), *both("With a phone: your place and your wait, wherever you are."), Code(address)]
    parts += [Rule(), *_foot(rules, ticket.issued_ms)]
    return Slip(tuple(parts))


def guidance_slip(
    rules: DayRules, need: Need, offers: tuple[TriageRule, ...], number: str, now_ms: int
) -> Slip:
    """What to have ready, another way as an offer, and where to go."""
    service = next(s for s in rules.services if any(n.code == need.code for n in s.needs))
    parts: list[Part] = [*_head(rules), *_names(need.name, size_zh="large"), Rule()]
    if need.documents:
        parts += titled("Please have ready:", need.documents)
    if offers:
        parts += titled("If you would rather not wait, there is also:", tuple(rule.says for rule in offers))
        parts += both("It is an offer: your place is kept meanwhile.")
        parts.append(Gap())
    parts += _where(rules, service, number)
    parts += [Rule(), *_foot(rules, now_ms)]
    return Slip(tuple(parts))


def example_slip(branch: Branch, name: str, now_ms: int) -> Slip:
    """A test page: letters of both languages, large figures, a code, the edges of the paper."""
    return Slip(
        (
            Line(branch.name.zh, is_bold=True),
            Line(branch.name.en, size="small"),
            Line("A001", size="huge", is_bold=True),
            *both("This is a test of the printer. It is no number."),
            Rule(),
            Line(name),
            Code("https://openhall.example/test"),
            Rule(),
            Line(_moment(now_ms, branch.timezone), size="small"),
        )
    )


def _head(rules: DayRules) -> Iterator[Part]:
    yield Line(rules.branch.name.zh, is_bold=True)
    yield Line(rules.branch.name.en, size="small")
    yield Gap()


def _foot(rules: DayRules, at_ms: int) -> Iterator[Part]:
    yield Line(_moment(at_ms, rules.branch.timezone), size="small")


def _names(text: Text, *, size_zh: Size = "normal") -> Iterator[Part]:
    yield Line(text.zh, size=size_zh, is_bold=True)
    yield Line(text.en)


def both(sentence: str) -> Iterator[Part]:
    """A sentence of ours in both languages, a line each."""
    for language in LANGUAGES:
        yield Line(say(language, sentence), size="normal" if language == "zh" else "small")


def titled(title: str, texts: tuple[Text, ...]) -> Iterator[Part]:
    """A list with a title above it, in one language and then in the other."""
    for language in LANGUAGES:
        yield Line(say(language, title), is_bold=True, is_centred=False)
        for text in texts:
            yield Line(f"- {text.get(language)}", is_centred=False)
        yield Gap()


def _where(rules: DayRules, service: Service, number: str) -> Iterator[Part]:
    """To the windows with one's number; the machine gives one to who has none."""
    windows = sorted(counter.number for counter in rules.branch.counters if service.id in counter.services)
    for language in LANGUAGES:
        listed = say(language, ", ").join(str(window) for window in windows)
        if number:
            yield Line(say(language, "Your number: {number}", number=number), is_bold=True, is_centred=False)
        else:
            yield Line(say(language, "Take a number at the machine, please."), is_centred=False)
        yield Line(
            say(language, "You are called to one of the windows {windows}.", windows=listed), is_centred=False
        )


def _moment(at_ms: int, zone: str) -> str:
    return to_datetime(at_ms, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
