/* SPDX-License-Identifier: MIT */
/*
 * A million closures, and days of making and freeing
 *
 * None fails below the limit of mappings, memory is given back, and what is made and freed again
 * and again leaves neither mappings nor descriptors behind.
 *
 * Ways: a million; again and again
 * Right: works
 * Not with trampfd-user: a descriptor for each closure
 */
#include "maps.h"

static long resident(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    char line[200];
    long kibibytes = 0;

    NEED(file, "smaps_rollup");
    while (fgets(line, sizeof(line), file) && sscanf(line, "Rss: %ld", &kibibytes) != 1)
        ;
    fclose(file);
    return kibibytes;
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static void use(int count)
{
    struct closure *many = make_many(count);

    check_many(many, count);
    release_many(many, count);
}

static void make_a_million(void)
{
    int count = getenv("TRAMPFD_VM") ? 20000 : 1000000;
    struct closure *many = make_many(count);
    long most, before;

    check_many(many, count);
    most = resident();
    before = most - (long)((size_t)count * sizeof(*many) >> 10);
    release_many(many, count);
    EXPECT(resident() < before / 2, "%ld of %ld KiB are kept", resident(), most);
}

int main(int argc, char **argv)
{
    int mappings, descriptors;

    if (way("a million")) {
        make_a_million();
        return 0;
    }
    use(MANY);
    mappings = count_mappings();
    descriptors = count_descriptors();
    for (int i = 0; i < 50; i++)
        use(MANY);
    EXPECT(count_mappings() <= mappings + 2, "the number of mappings grows");
    EXPECT(count_descriptors() == descriptors, "the number of descriptors grows");
    return 0;
}
