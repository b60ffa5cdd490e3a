/* SPDX-License-Identifier: MIT */
/* A C interface without user data: what it is given is called when the process ends. */
#include <stdlib.h>

int at_exit(void (*function)(void))
{
    return atexit(function);
}
