/* SPDX-License-Identifier: MIT */
/* A program linked with target(), of object.c itself, static or not: its own references. */
#include "objects.h"

adder program_call, program_address, program_pointer, program_constant;

int main(int argc, char **argv)
{
    struct object program = {NULL, program_call, program_address, program_pointer,
                             program_constant};
    struct tfd_redirection table = to_100(NULL);
    int is_static = argc == 2 && !strcmp(argv[1], "static");

    CHECK(!tfd_redirect(&table, 1, NULL, NULL), "redirected");
    CHECK((count_redirected() == 0) == is_static, "%zu pointers", count_redirected());
    check_object(program, is_static ? 1 : 100, "redirected");
    CHECK(!tfd_redirect_undo(&table, 1), "undone");
    check_object(program, 1, "undone");
    return 0;
}
