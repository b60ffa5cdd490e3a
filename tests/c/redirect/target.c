/* SPDX-License-Identifier: MIT */
/* The function that object.c imports. */
int target(int argument);

int target(int argument)
{
    return argument + 1;
}
