/* SPDX-License-Identifier: MIT */
/*
 * An object that imports target() in every way there is; OBJECT names its functions, so
 * that several can be linked into one program.
 */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(suffix) JOIN(OBJECT, suffix)

int target(int argument);

static int (*pointer)(int) = target;
static int (*const constant)(int) = target;

int NAME(_call)(int argument)
{
    return target(argument) + 0 * argument;
}

int NAME(_address)(int argument)
{
    int (*volatile address)(int) = target;

    return address(argument);
}

int NAME(_pointer)(int argument)
{
    return (*(int (*volatile *)(int))&pointer)(argument);
}

int NAME(_constant)(int argument)
{
    return (*(int (*const volatile *)(int))&constant)(argument);
}
