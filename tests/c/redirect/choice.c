/* SPDX-License-Identifier: MIT */
/*
 * choice OBJECT OTHER: a filter, versions (those of the objects are TARGET_2), several rows
 * and tables, and names that nobody imports.
 */
#include "objects.h"

static int is_object(const struct tfd_redirected *pointer, void *path)
{
    CHECK(pointer->from && pointer->to && pointer->pointer && !pointer->error, "a candidate");
    return !strcmp(pointer->object, path);
}

static int add_200(int argument)
{
    return argument + 200;
}

int main(int argc, char **argv)
{
    struct tfd_redirection wrong = to_100("TARGET_1"), right = to_100("TARGET_2");
    struct tfd_redirection rows[] = {
        {"nobody_has_this", NULL, (void (*)(void))add_200},
        {"target", "TARGET_2", (void (*)(void))add_200},
        {"target", NULL, (void (*)(void))add_100},
    };
    struct object object, other;

    CHECK(argc == 3, "two objects are needed");
    object = load(argv[1]);
    other = load(argv[2]);
    CHECK(!tfd_redirect(&wrong, 1, NULL, NULL) && count_redirected() == 0, "another version");
    CHECK(!tfd_redirect(rows, 1, NULL, NULL) && count_redirected() == 0, "another name");
    CHECK(!tfd_redirect(rows, 0, NULL, NULL) && count_redirected() == 0, "an empty table");
    CHECK(!tfd_redirect(&right, 1, is_object, argv[1]), "one object");
    check_object(object, 100, "the one");
    check_object(other, 1, "the other");

    CHECK(!tfd_redirect(rows, 3, is_object, argv[2]), "the first row that fits counts");
    check_object(object, 100, "the one");
    check_object(other, 200, "the other");
    CHECK(!tfd_redirect_undo(&right, 1), "what the first table did is undone");
    check_object(object, 1, "the one");
    check_object(other, 200, "the other");
    CHECK(!tfd_redirect_undo(rows, 3), "and what the second did");
    check_object(other, 1, "the other");
    CHECK(count_redirected() == 0, "%zu are left", count_redirected());
    return 0;
}
