/* SPDX-License-Identifier: MIT */
/* The text of a trail: failed steps only, in order, cut off as snprintf(3) does. */
#include "check.h"

static const char expected[] = "own file: open: No such file or directory; memfd: seal: "
                               "Operation not permitted";

static const struct trampfd_trail trail = {
    .count = 3,
    .attempts = {{"own file", "open", ENOENT}, {"built in", "map", 0}, {"memfd", "seal", EPERM}},
};

static void check_size(size_t size)
{
    char text[sizeof(expected) + 2];
    size_t kept = size < sizeof(expected) ? size : sizeof(expected);

    memset(text, '#', sizeof(text));
    CHECK(trampfd_trail_format(&trail, text, size) == sizeof(expected) - 1, "size %zu", size);
    if (kept) {
        CHECK(!memcmp(text, expected, kept - 1), "size %zu: %.*s", size, (int)kept, text);
        CHECK(text[kept - 1] == '\0', "size %zu: not ended", size);
    }
    for (size_t i = kept; i < sizeof(text); i++)
        CHECK(text[i] == '#', "size %zu: byte %zu was written", size, i);
}

int main(void)
{
    struct trampfd_trail none = {.count = 0}, worked = {1, {{"memfd", "seal", 0}}};
    char text[4] = "abc";

    for (size_t size = 0; size <= sizeof(expected) + 2; size++)
        check_size(size);
    CHECK(trampfd_trail_format(&trail, NULL, 0) == sizeof(expected) - 1, "no buffer");
    CHECK(trampfd_trail_format(&none, text, sizeof(text)) == 0 && !*text, "no step: %s", text);
    CHECK(trampfd_trail_format(&worked, text, sizeof(text)) == 0 && !*text, "no failure: %s", text);
    return 0;
}
