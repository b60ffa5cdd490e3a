/* SPDX-License-Identifier: MIT */
/*
 * ways OBJECT [called]: every reference of the object to target() is redirected, once, with
 * the page protections as before; and undone.  "called" binds lazy ones first.
 */
#include "objects.h"

static void check_list(const char *path, int is_bound_at)
{
    struct tfd_redirected list[16];
    size_t count = tfd_redirect_list(list, 16);

    CHECK(count >= 2 && count <= 4, "%zu pointers", count);
    CHECK(tfd_redirect_list(list, 1) == count, "the count does not depend on the size");
    for (size_t i = 0; i < tfd_redirect_list(list, 16); i++) {
        adder *from = (adder *)list[i].from;

        CHECK(!strcmp(list[i].object, path), "object %s", list[i].object);
        CHECK(!strcmp(list[i].symbol, "target"), "symbol %s", list[i].symbol);
        CHECK(!list[i].error && !list[i].call, "%s: %s", list[i].call, strerror(list[i].error));
        CHECK(*list[i].pointer == list[i].to && list[i].to == (void (*)(void))add_100, "to");
        CHECK(from(is_bound_at) == is_bound_at + 1, "from is the function itself");
        CHECK(*list[i].pointer == list[i].to, "and calling it changes nothing");
    }
}

int main(int argc, char **argv)
{
    struct tfd_redirection table = to_100(NULL);
    const char *path = argv[1];
    char *before, *after;
    struct object object;

    CHECK(argc >= 2, "an object is needed");
    object = load(path);
    if (argc == 3)
        check_object(object, 1, "at first");
    before = protections(path);
    CHECK(!tfd_redirect(&table, 1, NULL, NULL), "redirected");
    check_list(path, 5);
    check_object(object, 100, "redirected");
    after = protections(path);
    CHECK(!strcmp(before, after), "protections were\n%sand are\n%s", before, after);
    check_w_xor_x();

    mprotect_calls = 0;
    CHECK(!tfd_redirect(&table, 1, NULL, NULL), "once more");
    CHECK(mprotect_calls == 0, "what is redirected is left alone");
    check_list(path, 6);

    CHECK(!tfd_redirect_undo(&table, 1), "undone");
    CHECK(count_redirected() == 0, "%zu are left", count_redirected());
    check_object(object, 1, "undone");
    after = protections(path);
    CHECK(!strcmp(before, after), "protections were\n%sand are\n%s", before, after);
    CHECK(!tfd_redirect_undo(&table, 1), "undone again");
    check_object(object, 1, "undone again");
    return 0;
}
