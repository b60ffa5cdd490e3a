/* SPDX-License-Identifier: MIT */
/*
 * /proc/self/maps with the lines that an input asks for, or with its bytes: what is found of an
 * address is what was written there.
 */
#include "input.h"

#include "base/maps.h"

#include <errno.h>
#include <sys/mman.h>

enum { LINES_MAX = 6, PATH_LENGTH_MAX = 60 };

static char *text;
static size_t text_size;

/* In place of fopen(3), by the linker; libFuzzer has files of its own. */
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);

FILE *__wrap_fopen(const char *path, const char *mode)
{
    if (strcmp(path, "/proc/self/maps"))
        return __real_fopen(path, mode);
    return fmemopen(text, text_size, "r");
}

struct line {
    uintptr_t start, end;
    int protection;
    uint64_t offset;
    char *path;
};

/* Few addresses, so that lines meet. */
static uintptr_t draw_address(struct input *input)
{
    static const uintptr_t bases[] = {0, 0x400000, 0x7fff00000000, 0xffffffffff600000};

    return bases[take_below(input, 4)] + take_below(input, 32) * 0x1000u;
}

static void write_line(FILE *file, const struct line *line)
{
    fprintf(file, "%08lx-%08lx %c%c%c%c %08llx %02x:%02x %-10lu", (unsigned long)line->start,
            (unsigned long)line->end, line->protection & PROT_READ ? 'r' : '-',
            line->protection & PROT_WRITE ? 'w' : '-', line->protection & PROT_EXEC ? 'x' : '-',
            line->start % 3 ? 's' : 'p', (unsigned long long)line->offset, 8u, 1u,
            (unsigned long)line->start % 1000);
    if (*line->path)
        fprintf(file, " %15s%s", "", line->path);
    fputc('\n', file);
}

static struct line draw_line(struct input *input)
{
    static const char *const heads[] = {"", "/", "[heap]", "/ a\\012b", "anon_inode:", "/memfd:"};
    const char *head = heads[take_below(input, 6)];
    struct line line = {.start = draw_address(input), .protection = (int)take_below(input, 8)};
    char *tail = take_string(input, PATH_LENGTH_MAX);

    line.end = line.start + take_below(input, 16) * 0x1000u;
    line.offset = (uint64_t)take(input) << take_below(input, 56);
    tail[strcspn(tail, "\n")] = '\0'; /* the kernel writes \012 */
    AGREE(asprintf(&line.path, "%s%s", head, *head ? tail : "") >= 0, "memory");
    free(tail);
    return line;
}

static void check_found(const struct line *line, uintptr_t address)
{
    struct tfd_mapping mapping;
    int error = tfd_maps_find(address, &mapping);

    if (!line) {
        AGREE(error == ENOENT, "error %d", error);
        return;
    }
    AGREE(!error, "error %d", error);
    AGREE(mapping.start == line->start && mapping.protection == line->protection
              && mapping.offset == line->offset,
          "mapping at %#lx", (unsigned long)mapping.start);
    if (*line->path == '/')
        AGREE(mapping.path && !strcmp(mapping.path, line->path), "%s", line->path);
    else
        AGREE(!mapping.path, "%s", line->path);
    free(mapping.path);
}

static void check_lines(struct input *input)
{
    unsigned count = 1 + take_below(input, LINES_MAX);
    uintptr_t address = draw_address(input);
    struct line lines[LINES_MAX], *found = NULL;
    FILE *file = open_memstream(&text, &text_size);

    AGREE(file, "memory");
    for (unsigned i = 0; i < count; i++) {
        lines[i] = draw_line(input);
        write_line(file, &lines[i]);
        if (!found && lines[i].start <= address && address < lines[i].end)
            found = &lines[i];
    }
    fclose(file);
    check_found(found, address);
    free(text);
    for (unsigned i = 0; i < count; i++)
        free(lines[i].path);
}

static void check_bytes(struct input *input)
{
    struct tfd_mapping mapping;
    uintptr_t address = draw_address(input);
    int error;

    text = (char *)(uintptr_t)input->at;
    text_size = (size_t)(input->end - input->at);
    error = text_size ? tfd_maps_find(address, &mapping) : ENOENT;
    if (error) {
        AGREE(error == ENOENT, "error %d", error);
        return;
    }
    AGREE(mapping.start <= address, "mapping at %#lx", (unsigned long)mapping.start);
    free(mapping.path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};

    (take(&input) % 4 ? check_lines : check_bytes)(&input);
    return 0;
}
