# SPDX-License-Identifier: MIT
"""``trampfd advise``: what MemoryDenyWriteExecute= would break in a service, and what serves it.

`units` asks systemd, `evidence` looks at processes and files for what needs such memory, `advice`
concludes from it and writes drop-ins, `command` prints.
"""
