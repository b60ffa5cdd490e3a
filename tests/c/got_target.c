/* SPDX-License-Identifier: MIT */
/* The function that got_object.c imports. */
int target(int argument);

int target(int argument)
{
    return argument + 1;
}
