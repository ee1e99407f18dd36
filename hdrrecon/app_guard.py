"""Who may talk to the web app: pages of this machine, and nobody else.

A server on 127.0.0.1 can be reached by every web page that the user has open: by requests of its own (told by
`Origin`), and, after the page's name has been pointed at 127.0.0.1, as if it were the app itself (told by `Host`).

Source: RFC 6454 (Origin); DNS rebinding as in Jackson et al., "Protecting Browsers from DNS Rebinding Attacks", 2007.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

LOCAL_NAMES = frozenset(("127.0.0.1", "localhost", "::1"))
Asgi = Callable[..., Awaitable[None]]


class LocalOnly:
    """ASGI middleware: 403 for requests whose `Host`, `Origin` or `Referer` is no name of this machine."""

    def __init__(self, app: Asgi):
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Callable, send: Callable) -> None:
        if scope["type"] not in ("http", "websocket") or is_local(dict(scope.get("headers", ()))):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            text = b"This app answers pages of its own machine only."
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": text})


def is_local(headers: dict[bytes, bytes]) -> bool:
    """Whether all names in the headers of a request (lower-case names, as ASGI has them) are those of this machine."""
    if _name("//" + headers.get(b"host", b"").decode("latin-1")) not in LOCAL_NAMES:
        return False
    given = (headers[name].decode("latin-1") for name in (b"origin", b"referer") if name in headers)
    return all(_name(address) in LOCAL_NAMES for address in given)


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
