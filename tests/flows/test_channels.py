"""Messages over real mail servers and to real receivers of webhooks, as far as they may lead."""

import base64
import ipaddress

import pytest

from affineur.channels import chat, mail, table, webhook
from affineur.channels.channel import Parcel
from affineur.errors import Invalid, NotDelivered
from affineur.model.messages import Message
from tests.support.mail import blackhole, smtp
from tests.support.polling import until
from tests.support.tls import certificate
from tests.support.webhooks import Hooks

NEWS = Message(
    "gouda 1.0: malware\r\nBcc: eve@example.org", "Text für you\n", "<p>HTML für <b>you</b></p>", {"project": "gouda"},
    True, "https://packages.example.org/alerts/xyz",
)  # fmt: skip
PARCEL = Parcel("0123456789abcdef0123456789abcdef", "team@example.org", NEWS)
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture(scope="module")
def trusted(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"))


def to(port, security, trusted, **more):
    return mail.Mail(
        mail.MailServer("127.0.0.1", "affineur <index@example.org>", port, security, ca=str(trusted[0]), **more)
    )


@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
async def test_mail_arrives_with_text_html_and_a_way_out(security, trusted):
    with smtp(security, trusted) as (inbox, port):
        await to(port, security, trusted).send(PARCEL)
    (got,) = inbox.mails
    assert inbox.recipients == [["team@example.org"]]
    assert inbox.encrypted == [security != "plain"]
    assert got["Subject"] == "gouda 1.0: malware  Bcc: eve@example.org"
    assert got["Bcc"] is None
    assert got["List-Unsubscribe"] == "<https://packages.example.org/alerts/xyz>"
    assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert got["Message-ID"] == f"<{PARCEL.id}@example.org>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got.get_body(("plain",)).get_content().split() == ["Text", "für", "you"]
    assert "<b>you</b>" in got.get_body(("html",)).get_content()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_is_handed_over_after_a_login(security, trusted):
    with smtp(security, trusted, login=True) as (inbox, port):
        await to(port, security, trusted, user="affineur", password="secret").send(PARCEL)
        with pytest.raises(NotDelivered, match="535") as refused:
            await to(port, security, trusted, user="affineur", password="guessed").send(PARCEL)
    assert len(inbox.mails) == 1
    assert "guessed" not in refused.value.sentence


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_mail_server_that_cannot_be_verified_gets_nothing(security, trusted):
    with smtp(security, trusted) as (inbox, port):
        stranger = mail.Mail(mail.MailServer("127.0.0.1", "index@example.org", port, security))
        with pytest.raises(NotDelivered, match="certificate verify failed"):
            await stranger.send(PARCEL)
    assert inbox.mails == []


async def test_a_mail_server_without_starttls_gets_nothing(trusted):
    with smtp("plain", trusted) as (inbox, port), pytest.raises(NotDelivered, match="STARTTLS"):
        await to(port, "starttls", trusted).send(PARCEL)
    assert inbox.mails == []


async def test_a_refused_recipient_is_not_tried_again_and_a_busy_one_is(trusted):
    with smtp("plain", trusted) as (_, port):
        with pytest.raises(NotDelivered, match="550 no such user") as refused:
            await to(port, "plain", trusted).send(Parcel("a" * 32, "nobody@example.org", NEWS))
        assert refused.value.final
        with pytest.raises(NotDelivered, match="450 come again") as busy:
            await to(port, "plain", trusted).send(Parcel("a" * 32, "later@example.org", NEWS))
        assert not busy.value.final


async def test_a_mail_server_that_is_gone_is_told_of(trusted):
    with pytest.raises(NotDelivered, match="refused"):
        await to(1, "plain", trusted).send(PARCEL)
    with pytest.raises(NotDelivered, match="smtp_host"):
        await mail.Mail(mail.MailServer("", "")).send(PARCEL)


async def test_blackhole_takes_mail_in_the_clear_and_over_tls(tmp_path, trusted):
    with blackhole(tmp_path, trusted) as (plain, secured):
        await to(plain, "plain", trusted).send(PARCEL)
        await to(secured, "tls", trusted).send(PARCEL)
        with pytest.raises(NotDelivered, match="STARTTLS"):
            await to(plain, "starttls", trusted).send(PARCEL)


async def test_blackhole_bounces_and_the_message_is_kept(tmp_path, trusted):
    with (
        blackhole(tmp_path, trusted, "bounce") as (plain, _),
        pytest.raises(NotDelivered, match="the mail server said"),
    ):
        await to(plain, "plain", trusted).send(PARCEL)


def webhook_to(hooks, key=b""):
    return Parcel("d" * 32, hooks.target.removeprefix("webhook:"), NEWS, key)


async def test_a_webhook_is_signed_and_says_its_id():
    key = b"k" * 32
    with Hooks("whsec_" + base64.b64encode(key).decode()) as hooks:
        await webhook.Webhook(LOOPBACK).send(webhook_to(hooks, key))
        assert hooks.verified()
        assert hooks.ids == ["d" * 32]
        assert (hooks.bodies[0]["project"], hooks.bodies[0]["urgent"]) == ("gouda", True)
        hooks.secret = "whsec_" + base64.b64encode(b"x" * 32).decode()
        assert not hooks.verified()


async def test_what_a_receiver_answers_is_not_unpacked():
    with Hooks() as hooks:
        await webhook.Webhook(LOOPBACK).send(webhook_to(hooks))
        assert hooks.got[0][0]["Accept-Encoding"] == "identity"


async def test_a_redirect_is_not_followed():
    with Hooks() as elsewhere, Hooks() as hooks:
        hooks.status, hooks.location = 307, f"http://127.0.0.1:{elsewhere.port}/hook"
        with pytest.raises(NotDelivered, match="answered 307"):
            await webhook.Webhook(LOOPBACK).send(webhook_to(hooks))
        assert elsewhere.got == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0",
        "①②⑦.0.0.1", "１２７.0.0.1", "127。0。0。1",
    ],
)  # fmt: skip
async def test_private_addresses_take_a_setting(host):
    with Hooks() as hooks:
        address = f"http://{host}:{hooks.port}/hook"
        with pytest.raises(NotDelivered) as refused:
            await webhook.Webhook().send(Parcel("d" * 32, address, NEWS))
        assert hooks.got == []
        assert "webhook_networks" in refused.value.sentence or host == "2130706433", "aiohttp itself refuses that one"


@pytest.mark.parametrize("host", ["①②⑦.0.0.1", "höhle.example.org", "127%2e0.0.1"])
def test_hosts_are_named_in_ascii(host):
    with pytest.raises(Invalid, match="ASCII"):
        webhook.checked(f"https://{host}/hook")
    assert webhook.checked("https://xn--hhle-5qa.example.org/ä")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("10.0.0.1", False), ("169.254.169.254", False), ("192.168.1.1", False), ("100.64.0.1", False),
        ("fe80::1", False), ("fd00::1", False), ("::ffff:10.0.0.1", False), ("224.0.0.1", False),
        ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False), ("8.8.8.8", True), ("2606:4700::1111", True),
    ],
)  # fmt: skip
def test_only_public_addresses_are_let_through(address, public):
    assert webhook.Reach().lets(address) is public
    assert not public or webhook.Reach(LOOPBACK).lets(address)


async def test_a_receiver_that_is_gone_for_good_is_not_tried_again():
    with Hooks() as hooks:
        hooks.status = 410
        with pytest.raises(NotDelivered) as gone:
            await webhook.Webhook(LOOPBACK).send(webhook_to(hooks))
        assert gone.value.final
        hooks.status = 500
        with pytest.raises(NotDelivered, match="answered 500") as broken:
            await webhook.Webhook(LOOPBACK).send(webhook_to(hooks))
        assert not broken.value.final


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
async def test_apprise_sends_to_what_it_knows():
    with Hooks() as hooks:
        await chat.Chat().send(Parcel("d" * 32, f"json://127.0.0.1:{hooks.port}/", NEWS))
        until(lambda: hooks.got)
        assert hooks.bodies[0]["title"].startswith("gouda 1.0")
    with pytest.raises(NotDelivered):
        await chat.Chat().send(Parcel("d" * 32, f"json://127.0.0.1:{hooks.port}/", NEWS))
    with pytest.raises(NotDelivered, match="does not know"):
        await chat.Chat().send(Parcel("d" * 32, "nonsense://x", NEWS))


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
async def test_chats_are_told_that_it_is_plain_text():
    import apprise
    from apprise.decorators import notify

    forms = []

    @notify(on="probe")
    def probe(body, title, notify_type, *_, **more):
        forms.append(more["body_format"])
        return True

    await chat.Chat().send(Parcel("d" * 32, "probe://x", NEWS))
    assert forms == [apprise.NotifyFormat.TEXT]


@pytest.mark.parametrize(
    "target",
    [
        "mail:", "mail:team", "mail:a@b c", "mail:Team <team@example.org>", "mail:a@example.org\nBcc: b@example.org",
        "webhook:ftp://example.org", "webhook:https://user:pw@example.org/", "webhook:example.org", "webhook:https://",
        "webhook:https://example.org:x/", "apprise:nothing", "pigeon:home", "team@example.org", "",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(target):
    with pytest.raises(Invalid):
        table.checked(target)


def test_addresses_are_taken_in_one_spelling():
    assert table.checked(" mail: team@example.org ") == "mail:team@example.org"
    assert table.checked("webhook:https://hooks.example.org/x") == "webhook:https://hooks.example.org/x"
    assert table.checked("apprise:json://example.org/") == "apprise:json://example.org/"


def test_a_long_address_stands_in_the_head_as_it_is():
    stop = "https://packages.example.org/alerts/" + "x" * 300
    raw = bytes(mail.written(Parcel("0" * 32, "team@example.org", Message("S", "T", stop=stop)), "index@example.org"))
    assert f"\r\nList-Unsubscribe: <{stop}>\r\n".encode() in raw
