"""uvicorn's HTTP/1.1 with the client's certificate in the scope, which uvicorn itself does not tell an application.

    uvicorn.Config(…, http=PeerCertificates, ssl_ca_certs=device-ca.pem, ssl_cert_reqs=ssl.CERT_OPTIONAL)

TLS has verified the certificate by then: it is of the devices' authority, in time, and its key's holder speaks.
Optional: people's browsers and programs come without one, and show who they are by other means.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from openleo.controller.device_certificates import put_into


class PeerCertificates(HttpToolsProtocol):
    """Each request of a connection is told the certificate that the connection began with."""

    _certificate: bytes | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        self._certificate = None if tls is None else tls.getpeercert(binary_form=True)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self.scheme == "https":
            put_into(self.scope, self._certificate)  # type: ignore[arg-type]
