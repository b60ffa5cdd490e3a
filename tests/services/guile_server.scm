;; SPDX-License-Identifier: MIT
;; A TCP server in Guile whose numbers the C library sorts by a procedure.
(use-modules (system foreign) (rnrs bytevectors) (srfi srfi-4))

(define (number-at pointer)
  (bytevector-s32-native-ref (pointer->bytevector pointer 4) 0))
(define order
  (procedure->pointer int (lambda (a b) (- (number-at a) (number-at b))) (list '* '*)))
(define qsort
  (pointer->procedure void (dynamic-func "qsort" (dynamic-link)) (list '* size_t size_t '*)))

(define server (socket PF_INET SOCK_STREAM 0))
(setsockopt server SOL_SOCKET SO_REUSEADDR 1)
(bind server AF_INET INADDR_LOOPBACK 8004)
(listen server 5)
(while #t
  (let ((client (car (accept server)))
        (memory (s32vector 3 1 4 2)))
    (qsort (bytevector->pointer memory) 4 4 order)
    (display (string-join (map number->string (s32vector->list memory)) " ") client)
    (close-port client)))
