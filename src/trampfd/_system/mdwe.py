# SPDX-License-Identifier: MIT
"""PR_SET_MDWE: the kernel permanently refuses to let a process gain executable memory.

Apart from what reads the other policies, because `trampfd run --harden` needs this alone and
imports as little as it can.
"""

PR_SET_MDWE = 65
PR_GET_MDWE = 66
REFUSE_EXEC_GAIN = 1
NO_INHERIT = 2


def refuse_exec_gain() -> None:
    """Refuse this process, and the children that it starts, memory that is writable and executable.

    Raises OSError: EINVAL when the kernel has no PR_SET_MDWE (before Linux 6.3, see prctl(2)), else
    what prctl(2) says.
    """
    from .. import _native

    _native.prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN)


def flags() -> int:
    """The restrictions of this process, as REFUSE_EXEC_GAIN and NO_INHERIT; may raise OSError."""
    from .. import _native

    return _native.prctl(PR_GET_MDWE)
