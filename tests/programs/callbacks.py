# SPDX-License-Identifier: MIT
"""Makes a callback the way that its argument names; says which module is missing otherwise."""

import io
import sys


def soundfile() -> None:
    import soundfile

    with soundfile.SoundFile(io.BytesIO(), "w", 44100, 1, format="FLAC", subtype="PCM_16") as sound:
        sound.buffer_write(bytes(200), dtype="int16")


def pyopenssl() -> None:
    from OpenSSL import SSL

    context = SSL.Context(SSL.TLS_METHOD)
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)


def cairocffi() -> None:
    import cairocffi

    surface = cairocffi.ImageSurface(cairocffi.FORMAT_ARGB32, 4, 4)
    surface.write_to_png(io.BytesIO())


def cffi() -> None:
    import cffi

    callback = cffi.FFI().callback("int(int)", abs)
    assert callback(-4) == 4


def ctypes() -> None:
    import ctypes

    comparison = ctypes.CFUNCTYPE(ctypes.c_int, *2 * [ctypes.POINTER(ctypes.c_int)])
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    ctypes.CDLL(None).qsort(numbers, 3, 4, comparison(lambda one, other: one[0] - other[0]))
    assert list(numbers) == [1, 2, 3]


def gobject() -> None:
    from gi.repository import GLib

    loop = GLib.MainLoop()
    GLib.idle_add(loop.quit)
    loop.run()


def numba() -> None:
    import numba

    assert numba.njit(lambda number: number + 1)(3) == 4


def jit() -> None:
    if not getattr(sys, "_jit", None) or not sys._jit.is_enabled():
        raise ImportError("no JIT compiler in this Python")
    number = 0
    for index in range(100_000):
        number += index


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
    except (ImportError, OSError) as error:  # a module, or the library that it loads
        print(str(error).partition("\n")[0])
        sys.exit(77)
