# SPDX-License-Identifier: MIT
"""A PDF that is finished when Python ends: cairo writes it by a cffi callback."""

import sys

if "install" in sys.argv:
    import trampfd

    trampfd.install()

import cairocffi

file = open(sys.argv[1], "wb")  # noqa: SIM115
surface = cairocffi.PDFSurface(file, 300, 200)
surface.set_metadata(cairocffi.PDF_METADATA_CREATE_DATE, "2020-02-02T02:02:02Z")
context = cairocffi.Context(surface)
context.move_to(20, 100)
context.show_text("left open")
context.rectangle(10, 10, 280, 180)
context.stroke()
