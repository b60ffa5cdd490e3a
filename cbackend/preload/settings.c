/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "settings.h"

#include "arch/port.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct tfd_settings settings;

/* Unset, empty and 0 mean no. */
static const char *asked_for(const char *name)
{
    const char *value = secure_getenv(name);

    return value && *value && strcmp(value, "0") ? value : NULL;
}

/* The value is copied because the program may change its environment. */
static void read_environment(void)
{
    const char *report = asked_for("TRAMPFD_REPORT");

    settings.disabled = !TFD_PORT_HAS_SLOTS || asked_for("TRAMPFD_DISABLE");
    settings.report = report ? strdup(report) : NULL;
}

const struct tfd_settings *tfd_settings(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, read_environment);
    return &settings;
}
