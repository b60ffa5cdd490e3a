// SPDX-License-Identifier: MIT

// Go functions as C function pointers: each gets its own, and none is there for good.
package main

/*
#cgo pkg-config: trampfd
#include <stdlib.h>
#include "callback.h"
*/
import "C"

import (
	"fmt"
	"runtime/cgo"
	"unsafe"
)

type comparison func(a, b C.int) C.int

// What all the function pointers call; the handle is the argument that each of them adds.
//
//export compareByHandle
func compareByHandle(a, b unsafe.Pointer, handle C.uintptr_t) C.int {
	return cgo.Handle(handle).Value().(comparison)(*(*C.int)(a), *(*C.int)(b))
}

type callback struct {
	handle  cgo.Handle
	closure unsafe.Pointer
	code    C.compare
}

func newCallback(function comparison) (*callback, error) {
	made := &callback{handle: cgo.NewHandle(function)}
	closure, err := C.callback_make(C.uintptr_t(made.handle), &made.code)
	if closure == nil {
		made.handle.Delete()
		return nil, err
	}
	made.closure = closure
	return made, nil
}

func (c *callback) free() {
	C.callback_free(c.closure)
	c.handle.Delete()
}

func main() {
	const count = 10000
	callbacks := make([]*callback, count)
	for i := range callbacks {
		sign := C.int(1 - 2*(i%2))
		made, err := newCallback(func(a, b C.int) C.int { return sign * (a - b) })
		if err != nil {
			panic(err)
		}
		callbacks[i] = made
	}
	numbers := []C.int{3, 1, 2}
	for _, each := range callbacks[count-2:] {
		C.qsort(unsafe.Pointer(&numbers[0]), 3, C.sizeof_int, each.code)
		fmt.Println(numbers)
	}
	for _, each := range callbacks {
		each.free()
	}
}
