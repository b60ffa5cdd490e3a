# SPDX-License-Identifier: MIT
# Ruby: numbers that the C library sorts by a block.
require 'fiddle'

order = Fiddle::Closure::BlockCaller.new(
  Fiddle::TYPE_INT, [Fiddle::TYPE_VOIDP, Fiddle::TYPE_VOIDP]
) { |a, b| b[0, 4].unpack1('l') <=> a[0, 4].unpack1('l') }
qsort = Fiddle::Function.new(
  Fiddle.dlopen(nil)['qsort'],
  [Fiddle::TYPE_VOIDP, Fiddle::TYPE_SIZE_T, Fiddle::TYPE_SIZE_T, Fiddle::TYPE_VOIDP],
  Fiddle::TYPE_VOID
)
numbers = (1..1000).map { |i| i * 7919 % 1009 }
memory = numbers.pack('l*')
qsort.call(memory, numbers.size, 4, order)
puts memory.unpack('l*') == numbers.sort.reverse
