/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "settings.h"

#include "arch/port.h"
#include "base/setting.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct tfd_settings settings;

/* The value is copied because the program may change its environment. */
static void read_environment(void)
{
    const char *report = tfd_setting("TRAMPFD_REPORT");

    settings.disabled = !TFD_PORT_HAS_SLOTS || tfd_setting("TRAMPFD_DISABLE");
    settings.report = report ? strdup(report) : NULL;
}

const struct tfd_settings *tfd_settings(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, read_environment);
    return &settings;
}
