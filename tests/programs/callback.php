<?php
// SPDX-License-Identifier: MIT
// A callback that the C library calls, and what is writable and executable, or a file that is mapped
// twice for that, meanwhile.
$libc = FFI::cdef("
    typedef int (*compare)(const int *, const int *);
    void qsort(int *base, size_t count, size_t size, compare how);
", "libc.so.6");
$numbers = $libc->new("int[3]");
foreach ([3, 1, 2] as $i => $number)
    $numbers[$i] = $number;
$libc->qsort($numbers, 3, FFI::sizeof($libc->type("int")), fn($a, $b) => $a[0] - $b[0]);
echo "$numbers[0] $numbers[1] $numbers[2]\n";
echo implode(preg_grep('/ (.wx|..xs)/', file("/proc/self/maps")));
