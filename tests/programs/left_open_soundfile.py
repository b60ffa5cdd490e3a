# SPDX-License-Identifier: MIT
"""A FLAC that is closed when Python ends: libsndfile writes the rest of it by cffi callbacks."""

import math
import sys
from array import array

if "install" in sys.argv:
    import trampfd

    trampfd.install()

import soundfile

samples = array("h", (round(20000 * math.sin(i * i / 3e5)) for i in range(100_000)))
file = open(sys.argv[1], "w+b")  # noqa: SIM115
sound = soundfile.SoundFile(
    file, "w", samplerate=44100, channels=1, format="FLAC", subtype="PCM_16"
)
sound.buffer_write(samples, dtype="int16")
