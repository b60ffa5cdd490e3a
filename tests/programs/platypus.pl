# SPDX-License-Identifier: MIT
# Perl: numbers that the C library sorts by a subroutine.
use strict;
use warnings;
use FFI::Platypus;

my $ffi = FFI::Platypus->new(api => 1, lib => [undef]);
$ffi->type('(opaque, opaque)->int' => 'order');
sub number_at { unpack 'l', unpack 'P4', pack 'J', shift }
my $order = $ffi->closure(sub { number_at($_[1]) <=> number_at($_[0]) });

my @numbers = map { $_ * 7919 % 1009 } 1 .. 1000;
my $memory = pack 'l*', @numbers;
my $address = unpack 'J', pack 'P', $memory;
$ffi->function(qsort => ['opaque', 'size_t', 'size_t', 'order'] => 'void')
    ->call($address, scalar @numbers, 4, $order);
my $sorted = join(' ', unpack 'l*', $memory) eq join(' ', sort { $b <=> $a } @numbers);
print $sorted ? "true\n" : "false\n";
