/* SPDX-License-Identifier: MIT */
/* Load the plugin that the argument names, whose constructor has a thread make a closure. */
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    alarm(60);
    if (argc == 2 && dlopen(argv[1], RTLD_NOW))
        return 0;
    fprintf(stderr, "%s\n", dlerror());
    return 1;
}
