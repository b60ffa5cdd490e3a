-- SPDX-License-Identifier: MIT
-- Functions of Lua as C function pointers: each gets its own, until it is collected.
local callbacks = require("callbacks")

local made = {}
for i = 1, 10000 do
   local sign = 2 * (i % 2) - 1
   made[i] = callbacks.new(function(a, b) return math.tointeger(sign * (a - b)) end)
end

local numbers = {3, 1, 2}
for i = 9999, 10000 do
   callbacks.sort(numbers, made[i])
   print("[" .. math.tointeger(numbers[1]) .. " " .. math.tointeger(numbers[2]) .. " "
         .. math.tointeger(numbers[3]) .. "]")
end
