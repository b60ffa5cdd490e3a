# SPDX-License-Identifier: MIT
# A TCP server in Ruby whose numbers the C library sorts by a block.
require 'fiddle'
require 'socket'

ORDER = Fiddle::Closure::BlockCaller.new(
  Fiddle::TYPE_INT, [Fiddle::TYPE_VOIDP, Fiddle::TYPE_VOIDP]
) { |a, b| a[0, 4].unpack1('l') <=> b[0, 4].unpack1('l') }
QSORT = Fiddle::Function.new(
  Fiddle.dlopen(nil)['qsort'],
  [Fiddle::TYPE_VOIDP, Fiddle::TYPE_SIZE_T, Fiddle::TYPE_SIZE_T, Fiddle::TYPE_VOIDP],
  Fiddle::TYPE_VOID
)
server = TCPServer.new('127.0.0.1', 8003)
loop do
  client = server.accept
  memory = [3, 1, 4, 2].pack('l*')
  QSORT.call(memory, 4, 4, ORDER)
  client.write(memory.unpack('l*').join(' '))
  client.close
end
