"""Do webhooks and mail leave the house as receivers expect them, and is trouble there never trouble here?"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from standardwebhooks import WebhookVerificationError

from openhall.app.clocks import SystemClock
from openhall.messages.mail import MailAdapter
from openhall.messages.outgoing import (
    Body,
    Later,
    MessagesMisconfigured,
    Never,
    Outcome,
    Outgoing,
    Sent,
    To,
)
from openhall.messages.webhook import BODY_BYTES_MAX, WebhookAdapter
from tests.unit.messages.receivers import (
    OLD_SECRET,
    SECRET,
    Gateway,
    Post,
    gateway,
    post_office,
)

NOTICE = Outgoing(
    id="msg_0123456789abcdef0123456789abcdef",
    kind="notice",
    channel="sms",
    to=To(contact="+8613800000000"),
    template="notice.ahead",
    blanks={"number": "A012", "ahead": 5},
    language="zh",
    subject="您的号码A012",
    text="梧桐支行：A012号，前面还有5人。",
    branch="wutong",
    created_at="2026-11-23T09:00:00+00:00",
    expires_at="2026-11-23T09:15:00+00:00",
)
LETTER = msgspec.structs.replace(NOTICE, channel="email", to=To(contact="li@mail.example"))


def webhook(url: str, *secrets: str, seconds: float = 5.0, ca_file: str = "") -> WebhookAdapter:
    return WebhookAdapter(
        "sms", url, secrets or (SECRET,), SystemClock(), timeout_seconds=seconds, ca_file=ca_file
    )


async def sent_by(adapter: WebhookAdapter | MailAdapter, message: Outgoing) -> Outcome:
    try:
        return await adapter.send(message)
    finally:
        await adapter.close()


def at_gateway(act: Callable[[Gateway], Awaitable[Outcome]], *answers: bytes) -> tuple[Outcome, Gateway]:
    async def whole() -> tuple[Outcome, Gateway]:
        async with gateway(*answers) as found:
            return await act(found), found

    return asyncio.run(whole())


def test_a_webhook_is_signed_so_that_the_standards_own_library_believes_it() -> None:
    outcome, found = at_gateway(lambda g: sent_by(webhook(g.url), NOTICE))
    assert outcome == Sent()
    (received,) = found.received
    body = received.verified()
    assert body["type"] == "openhall.message"
    assert body["data"]["to"] == {"contact": "+8613800000000"}
    assert body["data"]["text"] == NOTICE.text
    assert received.headers["webhook-id"] == NOTICE.id
    assert msgspec.json.decode(received.body, type=Body).data == NOTICE
    with pytest.raises(WebhookVerificationError):
        received.verified(OLD_SECRET)


def test_while_a_secret_is_replaced_both_are_believed() -> None:
    _, found = at_gateway(lambda g: sent_by(webhook(g.url, SECRET, OLD_SECRET), NOTICE))
    assert found.received[0].verified(SECRET) == found.received[0].verified(OLD_SECRET)


ANSWERS: list[tuple[bytes, Outcome, str]] = [
    (b"200 OK", Sent(), "any 2xx is taken"),
    (b"202 Accepted", Sent(), "also one that will be worked on"),
    (b"500 Oops", Later("http_500"), "the receiver is ill"),
    (b"503 Busy\r\nretry-after: 30", Later("http_503", 30_000), "it says when to come back"),
    (b"429 Slow\r\nretry-after: 999999", Later("http_429", 3_600_000), "but not for ever"),
    (b"429 Slow\r\nretry-after: Wed, 21 Oct 2026 07:28:00 GMT", Later("http_429"), "a date says nothing"),
    (b"401 No", Later("http_401"), "a wrong secret is mended, and the message waits for it"),
    (b"404 Gone", Later("http_404"), "as is a wrong address"),
    (b"302 Found\r\nlocation: http://169.254.169.254/", Later("redirected"), "nobody redirects us"),
    (b"400 No", Never("http_400"), "the receiver cannot read it: not now, not later"),
    (b"410 Gone", Never("http_410"), "nobody there any more"),
    (b"", Later("cut_off"), "the line is cut before an answer"),
]


@pytest.mark.parametrize(("answer", "expected", "reason"), ANSWERS)
def test_an_answer_means_taken_later_or_never(answer: bytes, expected: Outcome, reason: str) -> None:
    outcome, found = at_gateway(lambda g: sent_by(webhook(g.url), NOTICE), answer)
    assert outcome == expected, reason
    assert len(found.received) == 1, "one try is one request"


def test_a_slow_receiver_is_left_after_the_timeout() -> None:
    async def act(found: Gateway) -> Outcome:
        found.delay = asyncio.Event()
        outcome = await sent_by(webhook(found.url, seconds=0.05), NOTICE)
        found.delay.set()
        return outcome

    assert at_gateway(act)[0] == Later("timed_out")


def test_nobody_there_is_an_outcome() -> None:
    async def act(found: Gateway) -> Outcome:
        del found
        return await sent_by(webhook("http://127.0.0.1:1/"), NOTICE)

    assert at_gateway(act)[0] == Later("not_reached")


def test_a_message_that_no_receiver_must_take_is_not_posted() -> None:
    long = msgspec.structs.replace(NOTICE, text="长" * BODY_BYTES_MAX)
    outcome, found = at_gateway(lambda g: sent_by(webhook(g.url), long))
    assert outcome == Never("too_large")
    assert found.received == []


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def test_a_certificate_of_the_banks_own_authority_is_believed_and_no_other(
    server_tls: ssl.SSLContext, ca_file: str
) -> None:
    async def whole() -> tuple[Outcome, Outcome]:
        async with gateway(tls=server_tls) as found:
            return (
                await sent_by(webhook(found.url, ca_file=ca_file), NOTICE),
                await sent_by(webhook(found.url), NOTICE),
            )

    assert asyncio.run(whole()) == (Sent(), Later("tls_failed"))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"url": "http://sms.bank.example/send"}, "a message with a number in it goes by https"),
    ({"url": "ftp://sms.bank.example/send"}, "no other protocol"),
    ({"url": "https://user:word@sms.bank.example/"}, "a password in an address ends up in logs"),
    ({"url": "https:///send"}, "no host"),
    ({"secrets": ("",)}, "no secret"),
    ({"secrets": ("whsec_c2hvcnQ=",)}, "a secret that could be tried out"),
    ({"secrets": ("whsec_!",)}, "not base64"),
    ({"ca_file": "/nowhere/ca.pem"}, "an authority that is not there"),
]


@pytest.mark.parametrize(("given", "reason"), WRONG)
def test_a_receiver_that_is_set_up_wrongly_is_refused_at_the_start(
    given: dict[str, Any], reason: str
) -> None:
    options = {"url": "https://sms.bank.example/send", "secrets": (SECRET,), "ca_file": ""} | given
    with pytest.raises(MessagesMisconfigured) as raised:
        WebhookAdapter(
            "sms",
            options["url"],
            options["secrets"],
            SystemClock(),
            timeout_seconds=1,
            ca_file=options["ca_file"],
        )
    assert raised.value.place.startswith("[sms]"), reason
    assert "word" not in str(raised.value)
    assert SECRET not in str(raised.value)


# -- mail ----------------------------------------------------------------------------------------------


def mail(post: Post, **options: Any) -> MailAdapter:
    given: dict[str, Any] = {
        "security": "none",
        "sender": "hall@bank.example",
        "sender_name": "云汉银行",
        "timeout_seconds": 5,
    }
    return MailAdapter("127.0.0.1", post.port, **(given | options))


def at_post(act: Callable[[Post], Awaitable[Outcome]], **options: Any) -> tuple[Outcome, Post]:
    async def whole() -> tuple[Outcome, Post]:
        async with post_office(**options) as found:
            return await act(found), found

    return asyncio.run(whole())


def test_a_letter_is_readable_in_chinese_and_says_who_sent_it() -> None:
    long = msgspec.structs.replace(LETTER, text="前面还有5人，请回到厅堂。" * 100)
    outcome, post = at_post(lambda p: sent_by(mail(p), long))
    assert outcome == Sent()
    letter = post.letters[0]
    assert letter["Subject"] == "您的号码A012"
    assert letter["From"] == "云汉银行 <hall@bank.example>"
    assert letter["To"] == "li@mail.example"
    assert letter["Message-ID"] == f"<{NOTICE.id}@bank.example>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content().strip() == long.text  # type: ignore[attr-defined]
    assert max(len(line) for line in post.raw[0].split(b"\r\n")) <= 78
    assert post.raw[0].isascii(), "headers and body survive the oldest relay"


def test_an_alert_goes_to_every_mailbox_of_a_post() -> None:
    told = msgspec.structs.replace(
        LETTER, kind="alert", to=To(mailboxes=("a@bank.example", "b@bank.example"))
    )
    _, post = at_post(lambda p: sent_by(mail(p), told))
    assert post.letters[0]["To"] == "a@bank.example, b@bank.example"


@pytest.mark.parametrize(
    ("subject", "to", "reason"),
    [
        ("Your number\r\nBcc: all@bank.example", "li@mail.example", "a header smuggled into the subject"),
        ("Your number", "li@mail.example\r\nBcc: all@bank.example", "or into the address"),
        ("Your number", "li@mail.example, all@bank.example", "two addresses in the place of one"),
        ("Your number", "", "nobody"),
    ],
)
def test_no_header_is_smuggled_into_a_letter(subject: str, to: str, reason: str) -> None:
    evil = msgspec.structs.replace(LETTER, subject=subject, to=To(contact=to))
    outcome, post = at_post(lambda p: sent_by(mail(p), evil))
    assert isinstance(outcome, Never), reason
    assert post.letters == []


@pytest.mark.parametrize(
    ("refuse", "expected", "reason"),
    [
        ("550 No such mailbox", Never("recipient_refused"), "it will never be there"),
        ("450 Mailbox busy", Later("recipient_put_off"), "later perhaps"),
    ],
)
def test_a_refused_recipient_is_tried_again_only_where_that_can_help(
    refuse: str, expected: Outcome, reason: str
) -> None:
    async def act(post: Post) -> Outcome:
        post.refuse = refuse
        return await sent_by(mail(post), LETTER)

    assert at_post(act)[0] == expected, reason


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_letters_go_under_tls_with_a_name_and_a_password(
    security: str, server_tls: ssl.SSLContext, ca_file: str
) -> None:
    options = {"starttls": server_tls} if security == "starttls" else {"tls": server_tls}
    given = {"security": security, "ca_file": ca_file, "username": "hall", "password": "mail password"}
    outcome, post = at_post(lambda p: sent_by(mail(p, **given), LETTER), is_signing_in=True, **options)
    assert outcome == Sent()
    assert post.signed_in == ["hall"]
    assert post.was_tls == [True]


def test_without_the_protection_asked_for_nothing_is_sent(server_tls: ssl.SSLContext) -> None:
    async def whole() -> list[Outcome]:
        async with post_office() as plain, post_office(starttls=server_tls) as strange:
            return [
                await sent_by(mail(plain, security="starttls"), LETTER),
                await sent_by(mail(strange, security="starttls"), LETTER),
                await sent_by(mail(Post(port=1)), LETTER),
            ]

    missing, untrusted, nobody = asyncio.run(whole())
    assert missing == Later("tls_missing"), "the server offers no STARTTLS"
    assert untrusted == Later("tls_failed"), "nobody we know signed its certificate"
    assert nobody == Later("not_reached")


def test_a_wrong_password_is_mended_and_the_letter_waits_for_it() -> None:
    given = {"username": "hall", "password": "wrong"}
    outcome, post = at_post(lambda p: sent_by(mail(p, **given), LETTER), is_signing_in=True)
    assert outcome == Later("sign_in_refused")
    assert post.letters == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"security": "none", "host": "mail.bank.example"}, "in clear beyond this machine"),
        ({"sender": "hall"}, "no address"),
        ({"sender": "hall@bank.example\r\nBcc: x@y.example"}, "a header in it"),
        ({"username": "hall"}, "half of a sign-in"),
        ({"ca_file": "/nowhere/ca.pem"}, "an authority that is not there"),
    ],
)
def test_a_mail_server_that_is_set_up_wrongly_is_refused_at_the_start(
    given: dict[str, Any], reason: str
) -> None:
    options = {"host": "127.0.0.1", "sender": "hall@bank.example", "security": "tls"} | given
    with pytest.raises(MessagesMisconfigured) as raised:
        MailAdapter(options.pop("host"), 25, timeout_seconds=1, **options)
    assert raised.value.place.startswith("[smtp]"), reason
