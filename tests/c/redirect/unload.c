/* SPDX-License-Identifier: MIT */
/* unload OBJECT OTHER: objects that are unloaded, loaded again, and loaded later. */
#include "objects.h"

int main(int argc, char **argv)
{
    struct tfd_redirection table = to_100(NULL);
    struct object object, other;

    CHECK(argc == 3, "two objects are needed");
    for (int i = 0; i < 100; i++) {
        object = load(argv[1]);
        check_object(object, 1, "loaded");
        CHECK(!tfd_redirect(&table, 1, NULL, NULL), "redirected");
        check_object(object, 100, "redirected");
        CHECK(!dlclose(object.handle) && !dlopen(argv[1], RTLD_LAZY | RTLD_NOLOAD),
              "redirecting does not keep it loaded");
        if (i % 2)
            CHECK(!tfd_redirect_undo(&table, 1), "undone after it was unloaded");
        CHECK(count_redirected() <= 4, "%zu are on the list", count_redirected());
    }
    object = load(argv[1]);
    CHECK(!tfd_redirect(&table, 1, NULL, NULL), "redirected");
    other = load(argv[2]);
    check_object(object, 100, "the first");
    check_object(other, 1, "the second, loaded later");
    CHECK(!tfd_redirect(&table, 1, NULL, NULL), "redirected too");
    check_object(other, 100, "the second");
    dlclose(object.handle);
    CHECK(!tfd_redirect_undo(&table, 1), "undone");
    check_object(other, 1, "the second after undoing");
    CHECK(count_redirected() == 0, "%zu are left", count_redirected());
    return 0;
}
