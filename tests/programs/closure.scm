;; SPDX-License-Identifier: MIT
;; Guile: numbers that the C library sorts by a procedure.
(use-modules (system foreign) (rnrs bytevectors) (srfi srfi-1) (srfi srfi-4))

(define (number-at pointer)
  (bytevector-s32-native-ref (pointer->bytevector pointer 4) 0))
(define order
  (procedure->pointer int (lambda (a b) (- (number-at b) (number-at a))) (list '* '*)))
(define qsort
  (pointer->procedure void (dynamic-func "qsort" (dynamic-link)) (list '* size_t size_t '*)))

(define numbers (map (lambda (i) (modulo (* i 7919) 1009)) (iota 1000 1)))
(define memory (list->s32vector numbers))
(qsort (bytevector->pointer memory) 1000 4 order)
(display (equal? (s32vector->list memory) (sort numbers >)))
(newline)
