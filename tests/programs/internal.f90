! SPDX-License-Identifier: MIT
! Internal procedures as arguments, more at once than Flang's own library has room for; and what is
! writable and executable, or executable and not of a file, meanwhile.
module callers
contains
  integer function apply(procedure)
    interface
      integer function procedure(number)
        integer, intent(in) :: number
      end function
    end interface
    apply = procedure(1)
  end function

  recursive integer function deep(depth) result(total)
    integer, intent(in) :: depth
    if (depth == 0) then
      call show_executable
      total = apply(add)
    else
      total = deep(depth - 1) + apply(add)
    end if
  contains
    integer function add(number)
      integer, intent(in) :: number
      add = number + depth
    end function
  end function

  subroutine show_executable
    character(len=256) :: line
    integer :: unit, status
    open(newunit=unit, file="/proc/self/maps", action="read")
    do
      read(unit, "(a)", iostat=status) line
      if (status /= 0) exit
      if (index(line, "rwxp") > 0 .or. index(line, "-wxp") > 0) print "(a)", trim(line)
      if (index(line, "r-xp 00000000 00:00") > 0 .and. index(line, "[v") == 0) print "(a)", trim(line)
    end do
    close(unit)
  end subroutine
end module

program internal
  use callers
  print "(i0)", deep(3000)
end program
