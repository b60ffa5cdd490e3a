-- SPDX-License-Identifier: MIT
-- A callback of LuaJIT's FFI, and a loop that its compiler compiles.
local ffi = require("ffi")
ffi.cdef[[void qsort(void *, size_t, size_t, int (*)(const int *, const int *));]]
local numbers = ffi.new("int[3]", 3, 1, 2)
ffi.C.qsort(numbers, 3, 4, function(one, other) return one[0] - other[0] end)
local sum = 0
for i = 1, 1e5 do sum = sum + i end
print(numbers[0], sum)
