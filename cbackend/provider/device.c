/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "device.h"

#include "slot/allowed.h"
#include "base/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Programs that close or reopen descriptors by number use small ones. */
#define LOWEST_DESCRIPTOR 100

static int present;

void tfd_device_init(void)
{
    present = !access(TRAMPFD_DEVICE, F_OK);
}

int tfd_device_present(void)
{
    return present;
}

_Static_assert(TRAMPFD_FEATURE_TABLE == TRAMPFD_FEATURE_USER << TRAMPFD_TABLE,
               "a bit for each type");

/* What the kernel offers, if that includes the type; returns 0 or a negative errno. */
static int query(int device, uint32_t type, uint64_t *features)
{
    struct trampfd_query answer = {0};

    if (ioctl(device, TRAMPFD_IOC_QUERY, &answer))
        return -errno;
    if (answer.version != TRAMPFD_VERSION || !(answer.features & (TRAMPFD_FEATURE_USER << type)))
        return -ENOTSUP;
    if (type == TRAMPFD_TABLE
        && (answer.max_slots != TRAMPFD_MAX_SLOTS || answer.slot_size != TRAMPFD_SLOT_SIZE
            || answer.record_size != TRAMPFD_RECORD_SIZE
            || answer.displacement != TRAMPFD_RECORDS_OFFSET))
        return -ENOTSUP;
    *features = answer.features;
    return 0;
}

/* The same file under a number that programs do not use themselves. */
static int move_up(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR);

    if (high < 0)
        return fd;
    close(fd);
    return high;
}

static int create(int device, uint32_t type, uint32_t flags)
{
    struct trampfd_user user = {0};
    struct trampfd_table table = {.nslots = TRAMPFD_MAX_SLOTS};
    struct trampfd_create arguments = {
        .type = type,
        .flags = flags,
        .data = type == TRAMPFD_TABLE ? (uintptr_t)&table : (uintptr_t)&user,
        .data_size = type == TRAMPFD_TABLE ? sizeof(table) : sizeof(user),
    };
    int fd = ioctl(device, TRAMPFD_IOC_CREATE, &arguments);

    return fd < 0 ? -errno : move_up(fd);
}

/* Fills in the rest for a new descriptor, which is closed on failure. */
static int identify(struct tfd_descriptor *descriptor, int fd, int sealed)
{
    uint64_t id = 0;
    int error;

    if (ioctl(fd, TRAMPFD_IOC_ID, &id)) {
        error = -errno;
        close(fd);
        return error;
    }
    *descriptor = (struct tfd_descriptor){.fd = fd, .sealed = sealed, .id = id};
    return 0;
}

int tfd_device_create(struct tfd_descriptor *descriptor, uint32_t type, int seal,
                      const char *source, struct trampfd_trail *trail)
{
    int device = open(TRAMPFD_DEVICE, O_RDWR | O_CLOEXEC);
    uint64_t features = 0;
    int error, fd, sealed;

    if (device < 0)
        return tfd_trail_add(trail, source, "open /dev/trampfd", errno);
    error = query(device, type, &features);
    if (error) {
        close(device);
        return tfd_trail_add(trail, source, "ioctl TRAMPFD_IOC_QUERY", -error);
    }
    sealed = seal && features & TRAMPFD_FEATURE_SEALED;
    fd = create(device, type, sealed ? TRAMPFD_SEALED : 0);
    close(device);
    if (fd < 0)
        return tfd_trail_add(trail, source, "ioctl TRAMPFD_IOC_CREATE", -fd);
    error = identify(descriptor, fd, sealed);
    return error ? tfd_trail_add(trail, source, "ioctl TRAMPFD_IOC_ID", -error) : 0;
}

int tfd_device_attach(struct tfd_descriptor *descriptor, const void *address)
{
    struct trampfd_attach arguments = {.address = (uintptr_t)address};
    int device = open(TRAMPFD_DEVICE, O_RDWR | O_CLOEXEC);
    struct tfd_descriptor attached = {.fd = -1};
    int error, fd;

    if (device < 0)
        return -errno;
    fd = ioctl(device, TRAMPFD_IOC_ATTACH, &arguments);
    error = fd < 0 ? -errno : identify(&attached, move_up(fd), descriptor->sealed);
    close(device);
    if (error)
        return error;
    if (attached.id != descriptor->id) {
        close(attached.fd);
        return -ESTALE;
    }
    *descriptor = attached;
    return 0;
}

int tfd_descriptor_is_ours(const struct tfd_descriptor *descriptor)
{
    uint64_t id = 0;

    return descriptor->fd >= 0 && !ioctl(descriptor->fd, TRAMPFD_IOC_ID, &id)
           && id == descriptor->id;
}

void tfd_descriptor_close(struct tfd_descriptor *descriptor)
{
    if (tfd_descriptor_is_ours(descriptor))
        close(descriptor->fd);
    descriptor->fd = -1;
}

int tfd_descriptor_set(const struct tfd_descriptor *descriptor, unsigned long request,
                       const void *data, size_t size)
{
    struct trampfd_set set = {.data = (uintptr_t)data, .size = (uint32_t)size};

    return ioctl(descriptor->fd, request, &set) ? -errno : 0;
}

int tfd_descriptor_freeze(const struct tfd_descriptor *descriptor, unsigned first, unsigned count)
{
    struct trampfd_freeze records = {.first = first, .n = count};

    return ioctl(descriptor->fd, TRAMPFD_IOC_FREEZE, &records) ? -errno : 0;
}

int tfd_descriptor_allow(const struct tfd_descriptor *descriptor, const uint64_t *list,
                         unsigned count)
{
    union {
        struct trampfd_values values;
        char room[sizeof(struct trampfd_values) + TFD_ALLOWED_MAX * sizeof(*list)];
    } allowed = {.values = {.nvalues = count}};
    const size_t bytes = count * sizeof(*list);
    int error;

    memcpy(allowed.values.values, list, bytes);
    error = tfd_descriptor_set(descriptor, TRAMPFD_IOC_SET_ALLOWED, &allowed,
                               sizeof(allowed.values) + bytes);
    if (!error && ioctl(descriptor->fd, TRAMPFD_IOC_LOCK))
        error = -errno;
    return error;
}
