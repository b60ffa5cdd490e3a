/* SPDX-License-Identifier: MIT */
/* A library as any other; a CPython with a compiler holds this text. */
const char *audited(void);

const char *audited(void)
{
    return "JIT %s (%d)";
}
