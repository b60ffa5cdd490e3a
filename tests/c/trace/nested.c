/* SPDX-License-Identifier: MIT */
/* A pointer to a nested function of GCC, which takes code on the stack or on libgcc's heap. */
#include <stdlib.h>

int main(int argc, char **argv)
{
    int numbers[] = {3, 1, 2};
    int compare(const void *one, const void *other)
    {
        return argc * (*(const int *)one - *(const int *)other);
    }

    (void)argv;
    qsort(numbers, 3, sizeof(numbers[0]), compare);
    return numbers[0] != 1;
}
