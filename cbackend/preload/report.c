/* SPDX-License-Identifier: MIT */
/*
 * Misuse is reported on standard error when an object file first does it.  With TRAMPFD_REPORT=1
 * all events are counted and printed when the process exits; with TRAMPFD_REPORT=/a/path they are
 * appended to that file.
 */
#define _GNU_SOURCE
#include "report.h"

#include "base/setting.h"
#include "base/lock.h"
#include "caller.h"
#include "settings.h"
#include "real_ffi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const texts[TFD_EVENTS] = {
    [TFD_MAKES_CLOSURE] = "makes closures",
    [TFD_IS_REFUSED] = "asks for closures that cannot be made",
    [TFD_IS_FORWARDED] = "uses memory that is not from trampfd; libffi serves it",
    [TFD_PREPARES_FOR_WRITABLE] =
        "prepares closures to be called at their writable address; such a call would crash",
    [TFD_FREES_CODE] =
        "frees closures by their code address instead of the writable one; they are freed",
    [TFD_PREPARES_CODE] =
        "prepares closures by their code address instead of the writable one; they are prepared",
    [TFD_FREES_OTHERS] =
        "frees closures that another copy of libffi made; they are handed to that copy",
    [TFD_PREPARES_OTHERS] =
        "prepares closures that another copy of this library made; they are handed "
        "to that copy",
    [TFD_PREPARES_STRANGERS] = "prepares closures of libtrampfd or of Python's trampfd by "
                               "libffi's functions, which is refused",
    [TFD_FINDS_NO_LIBFFI] = "needs libffi itself, and none was found for it",
};

#define LINES_MAX 64

/* Guarded by the library's lock. */
static struct line {
    char object[TFD_OBJECT_NAME];
    enum tfd_event event;
    const void *caller; /* the latest: finding its object file takes long */
    unsigned long count;
} lines[LINES_MAX];
static unsigned line_count;
static unsigned long dropped; /* events for which there was no line left */

static int count_again(enum tfd_event event, const void *caller)
{
    int found = 0;

    tfd_lock();
    for (unsigned i = 0; i < line_count && !found; i++)
        if (lines[i].event == event && lines[i].caller == caller) {
            lines[i].count++;
            found = 1;
        }
    tfd_unlock();
    return found;
}

static struct line *find_line(enum tfd_event event, const char *object)
{
    for (unsigned i = 0; i < line_count; i++)
        if (lines[i].event == event && !strcmp(lines[i].object, object))
            return &lines[i];
    if (line_count == LINES_MAX)
        return NULL;
    lines[line_count].event = event;
    snprintf(lines[line_count].object, TFD_OBJECT_NAME, "%s", object);
    return &lines[line_count++];
}

/* How often the object file has done this; 0 if it is not counted. */
static unsigned long count(enum tfd_event event, const void *caller, const char *object)
{
    struct line *line;
    unsigned long times = 0;

    tfd_lock();
    line = find_line(event, object);
    if (line) {
        line->caller = caller;
        times = ++line->count;
    } else {
        dropped++;
    }
    tfd_unlock();
    return times;
}

void tfd_report(enum tfd_event event, const void *caller)
{
    int is_misuse = event >= TFD_FREES_CODE;
    int error = errno;
    char object[TFD_OBJECT_NAME];

    if ((!is_misuse && !tfd_settings()->report) || count_again(event, caller))
        return;
    tfd_caller_name(caller, object, sizeof(object));
    if (count(event, caller, object) == 1 && is_misuse)
        dprintf(STDERR_FILENO, "trampfd: %s %s\n", object, texts[event]);
    errno = error;
}

void tfd_report_trail(const struct trampfd_trail *trail)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    int error = errno;
    char reasons[1024];

    if (tfd_debug() && !atomic_flag_test_and_set(&said)) {
        trampfd_trail_format(trail, reasons, sizeof(reasons));
        dprintf(STDERR_FILENO, "trampfd: ffi_closure_alloc returns NULL: %s\n", reasons);
    }
    errno = error;
}

static void print(int fd)
{
    dprintf(fd, "trampfd: report of process %d (%s)\n", (int)getpid(), program_invocation_name);
    for (unsigned i = 0; i < line_count; i++)
        dprintf(fd, "trampfd: %s %s (%lu times)\n", lines[i].object, texts[lines[i].event],
                lines[i].count);
    if (dropped)
        dprintf(fd, "trampfd: %lu more events, for which this report has no line left\n", dropped);
}

__attribute__((destructor)) static void print_at_exit(void)
{
    const char *report = tfd_settings()->report;
    int fd;

    if (!report)
        return;
    if (*report != '/') {
        print(STDERR_FILENO);
        return;
    }
    fd = open(report, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0) {
        dprintf(STDERR_FILENO, "trampfd: cannot open TRAMPFD_REPORT=%s: %s\n", report,
                strerror(errno));
        return;
    }
    print(fd);
    close(fd);
}
