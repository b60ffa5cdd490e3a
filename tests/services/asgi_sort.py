# SPDX-License-Identifier: MIT
"""The application of wsgi_sort.py, for servers that speak ASGI."""

import wsgi_sort


async def application(scope, receive, send):
    assert scope["type"] == "http"
    await receive()
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": wsgi_sort.answer()})
