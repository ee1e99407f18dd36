"""Only pages of this machine may talk to the web app: by `Host`, `Origin` and `Referer`."""

import asyncio

import pytest

from hdrrecon.app_guard import LocalOnly, is_local

HERE = {b"host": b"127.0.0.1:7860"}


@pytest.mark.parametrize(
    "headers, local",
    [
        (HERE, True),
        ({b"host": b"localhost:7860"}, True),
        ({b"host": b"[::1]:7860"}, True),
        ({**HERE, b"origin": b"http://127.0.0.1:7860", b"referer": b"http://localhost:7860/x"}, True),
        ({}, False),
        ({b"host": b"rebound.example:7860"}, False),
        ({b"host": b"127.0.0.1.example"}, False),
        ({**HERE, b"origin": b"https://evil.example"}, False),
        ({**HERE, b"origin": b"null"}, False),
        ({**HERE, b"referer": b"https://evil.example/127.0.0.1"}, False),
    ],
)
def test_only_pages_of_this_machine_are_answered(headers, local):
    assert is_local(headers) is local
    sent, reached = [], []

    async def app(scope, receive, send):
        reached.append(scope)

    async def send(message):
        sent.append(message)

    asyncio.run(LocalOnly(app)({"type": "http", "headers": list(headers.items())}, None, send))
    assert bool(reached) is local and (not sent if local else sent[0]["status"] == 403)


def test_strangers_lose_their_socket_and_the_servers_own_events_pass():
    """1008 is the code of a policy that was broken (RFC 6455, 7.4.1)."""
    sent, reached = [], []

    async def app(scope, receive, send):
        reached.append(scope["type"])

    async def send(message):
        sent.append(message)

    stranger = [(b"host", b"rebound.example:7860")]
    asyncio.run(LocalOnly(app)({"type": "websocket", "headers": stranger}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}] and not reached
    asyncio.run(LocalOnly(app)({"type": "lifespan"}, None, send))
    assert reached == ["lifespan"]


@pytest.mark.parametrize("host", [b"[::1", b"", b"\xff\xfe", b"localhost@evil.example"])
def test_names_that_cannot_be_parsed_are_strangers(host):
    assert not is_local({b"host": host})
