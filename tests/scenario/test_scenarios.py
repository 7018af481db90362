"""Every story of this folder, and the promises that the folder as a whole keeps."""

from __future__ import annotations

import pytest

from openhall.hall.model import ROOM
from openhall.hall.model.commands import COMMANDS
from tests.scenario.script import ScriptError, Story, scripts
from tests.scenario.stage import CLOCK_VERBS, QUERIES, Stage, play_text
from tests.scenario.verbs import VERBS

SCRIPTS = scripts()
STORIES = [
    pytest.param(story, id=f"{name}: {story.title}") for name, stories in SCRIPTS.items() for story in stories
]
LINES = [line for stories in SCRIPTS.values() for story in stories for line in story.lines]


@pytest.mark.parametrize("story", STORIES)
def test_the_branch_behaves_as_its_handbook_says(story: Story) -> None:
    Stage().play(story)


def test_every_command_of_the_hall_has_a_verb() -> None:
    assert {kind for kind, _ in VERBS.values()} == set(COMMANDS)


def test_every_verb_is_used_in_a_story() -> None:
    assert {*VERBS, *QUERIES, *CLOCK_VERBS} - {line.verb for line in LINES} == set()


def test_every_refusal_of_the_hall_happens_in_a_story() -> None:
    assert set(ROOM.refusals) - {token for line in LINES for token in line.expected} == set()


def test_every_event_of_the_hall_is_expected_in_a_story() -> None:
    names = {kind.__name__ for kind in ROOM.events}
    assert names - {token for line in LINES for token in line.expected} == set()


OPEN = "branch quiet_branch\nopen_day\nopen_doors\n"


@pytest.mark.parametrize(
    ("text", "says", "reason"),
    [
        ("dance C1", "line 2: 'dance C1': there is no verb dance", "an unknown verb"),
        ("open_day", "expected `branch", "no place to be"),
        (OPEN + "call", "expected counter", "a word is missing"),
        (OPEN + "call C1 C2", "did not understand C2", "a word too many"),
        (OPEN + "issue T1 cash colour=red", "did not understand colour", "an option that is none"),
        (OPEN + "wait soon", "expected a time such as", "no time"),
        (OPEN + "at noon", "expected a time of day", "no time of day"),
        (OPEN + "reinstate T1 because!", "Expected `str` matching", "free text where a code belongs"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_its_number(text: str, says: str, reason: str) -> None:
    with pytest.raises(ScriptError, match="line") as caught:
        play_text(text)
    assert says in str(caught.value), reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("issue T1 cash -> doors_closed", "it was not refused"),
        ("call C1", "it was refused and the script does not say so"),
        ("call C1 -> doors_closed", "it was refused for another reason"),
        ("issue T1 cash -> B001", "another number"),
        ("issue T1 cash -> TicketHeld", "another event"),
        ("tick -> TicketHeld", "no event at all"),
        ("pending -> 3", "another answer"),
    ],
)
def test_a_story_that_tells_it_otherwise_fails(line: str, reason: str) -> None:
    with pytest.raises(AssertionError, match="line 5"):
        play_text(OPEN + line)
    assert reason
