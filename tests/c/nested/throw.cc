// SPDX-License-Identifier: MIT
// Exceptions for gcc.c.

extern "C" void throw_int(int value)
{
    throw value;
}

extern "C" int catch_int(void (*function)(int), int argument)
{
    try {
        function(argument);
    } catch (int value) {
        return value;
    }
    return -1;
}
