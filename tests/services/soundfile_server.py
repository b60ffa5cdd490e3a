# SPDX-License-Identifier: MIT
"""A TCP server that has libsndfile write and read sound in memory, by callbacks of cffi."""

import io
import socketserver

import numpy
import soundfile


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        file = io.BytesIO()
        soundfile.write(file, numpy.array([1, 2, 3], dtype="int16"), 8000, format="WAV")
        file.seek(0)
        sound, rate = soundfile.read(file, dtype="int16")
        self.wfile.write(f"{sound.tolist()} at {rate}".encode())


socketserver.TCPServer.allow_reuse_address = True
socketserver.TCPServer(("127.0.0.1", 8007), Handler).serve_forever()
