# SPDX-License-Identifier: MIT
"""A TLS server of pyOpenSSL that answers with what its three callbacks were given."""

import socket

from OpenSSL import SSL

KEY = "/srv/services/key.pem"
CERTIFICATE = "/srv/services/certificate.pem"

seen = {}


def verify(_connection, certificate, _number, _depth, _ok):
    seen["client"] = certificate.get_subject().CN
    return True


def select(_connection, protocols):
    seen["protocols"] = b",".join(protocols).decode()
    return protocols[0]


def named(connection):
    seen["name"] = connection.get_servername().decode()


context = SSL.Context(SSL.TLS_SERVER_METHOD)
context.use_privatekey_file(KEY)
context.use_certificate_file(CERTIFICATE)
context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
context.set_alpn_select_callback(select)
context.set_tlsext_servername_callback(named)
listener = socket.create_server(("127.0.0.1", 8000))
while True:
    accepted, _ = listener.accept()
    connection = SSL.Connection(context, accepted)
    connection.set_accept_state()
    connection.do_handshake()
    connection.sendall(" ".join(f"{key}={value}" for key, value in sorted(seen.items())).encode())
    connection.shutdown()
    accepted.close()
